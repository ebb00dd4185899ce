import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { mkdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { tempDir } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";
import { ForeignTool } from "./support/foreign-tool.ts";
import { startHop } from "./support/hop.ts";
import { filesBelow } from "./support/serving.ts";

const trailsum = commandProcess();

/** A file server of others. */
interface FileServer {
  readonly tool: ForeignTool;
  /** Whether it has ranges under a strong entity tag. */
  readonly ranges: boolean;
  /** Its arguments, for a directory with the files and one for its own. */
  readonly args: (root: string, own: string, port: number) => readonly string[];
  /** Its configuration, at `own/conf`. */
  readonly configuration?: (root: string, own: string, port: number) => string;
}

const servers: readonly FileServer[] = [
  {
    tool: await ForeignTool.find("nginx"),
    ranges: true,
    args: (_root, own) => ["-p", own, "-c", join(own, "conf"), "-g", "daemon off;"],
    configuration: (root, own, port) => `
pid ${own}/pid; error_log ${own}/error; master_process off;
events {}
http {
  access_log off; client_body_temp_path ${own}/a; proxy_temp_path ${own}/b; fastcgi_temp_path ${own}/c;
  uwsgi_temp_path ${own}/d; scgi_temp_path ${own}/e;
  server { listen 127.0.0.1:${port}; root ${root}; }
}`,
  },
  {
    tool: await ForeignTool.find("apache2"),
    ranges: true,
    args: (_root, own) => ["-f", join(own, "conf"), "-X"],
    configuration: (root, own, port) => `
ServerRoot ${own}
PidFile ${own}/pid
ErrorLog ${own}/error
DefaultRuntimeDir ${own}
Listen 127.0.0.1:${port}
ServerName localhost
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
DocumentRoot ${root}
<Directory ${root}>
Require all granted
</Directory>
`,
  },
  {
    tool: await ForeignTool.find("caddy"),
    ranges: true,
    args: (root, _own, port) => ["file-server", "--root", root, "--listen", `127.0.0.1:${port}`],
  },
  {
    tool: await ForeignTool.find("python3"),
    ranges: false,
    args: (root, _own, port) => ["-m", "http.server", "--bind", "127.0.0.1", "--directory", root, String(port)],
  },
];

const content = randomBytes(17_500_000);

async function start({ tool, args, configuration }: FileServer): Promise<string> {
  const root = await tempDir();
  const own = join(root, ".own");
  await mkdir(own);
  await writeFile(join(root, "it"), content, { mode: 0o644 });
  // Apache gives a weak tag to what was changed within the last second.
  await utimes(join(root, "it"), 1e9, 1e9);
  const port = await tool.serve((free) => {
    const text = configuration?.(root, own, free);
    if (text !== undefined) writeFileSync(join(own, "conf"), text);
    return args(root, own, free);
  });
  return `http://127.0.0.1:${port}`;
}

describe.each(servers)("a download from $tool.title", (server) => {
  const { tool, ranges } = server;

  test.skipIf(!tool.present)("continues with the next run, or begins anew, and comes in ranges", async () => {
    const origin = await start(server);
    const hop = await startHop(origin);
    const cwd = await tempDir();
    hop.plan = { cutResponse: 9_000_000 };
    const cut = await trailsum(["download", `${hop.origin}/it`, "-C"], { cwd });
    expect(cut.exitCode).toBe(3);
    expect(await filesBelow(cwd)).toEqual(ranges ? [".it.trailsum-partial", ".it.trailsum-partial.json"] : []);
    hop.plan = {};
    expect((await trailsum(["download", `${hop.origin}/it`, "-C", "--quiet"], { cwd })).exitCode).toBe(0);
    expect(/^Range: bytes=\d+-\r$/m.test(hop.request().toString("latin1"))).toBe(ranges);
    expect((await readFile(join(cwd, "it"))).equals(content)).toBe(true);

    expect((await trailsum(["download", `${origin}/it`, "-o", "again", "--jobs", "3"], { cwd })).exitCode).toBe(0);
    expect((await readFile(join(cwd, "again"))).equals(content)).toBe(true);
    expect(await filesBelow(cwd)).toEqual(["again", "it"]);
  });
});
