import { execFile } from "node:child_process";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { certificate, startTrailsum, tempDir } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";
import { fileOf, patterned } from "./support/content.ts";
import { filesBelow, serve } from "./support/serving.ts";

const trailsum = commandProcess();

const run = promisify(execFile);

/** Flips a bit of a stored file, and keeps its size and its date to the nanosecond, as a failing disk does. */
async function rot(path: string): Promise<void> {
  const dated = join(await tempDir(), "dated");
  await run("touch", ["-r", path, dated]);
  const file = await open(path, "r+");
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, 1_000);
  await file.write(Buffer.from([buffer[0]! ^ 1]), 0, 1, 1_000);
  await file.close();
  await run("touch", ["-r", dated, path]);
}

test.each(["HTTP/1.1", "HTTP/2"])(
  "a large object that rotted on the disk ends a download over %s with exit 6 at once, through a proxy too",
  async (protocol) => {
    const { cert, key } = await certificate();
    const [certFile, keyFile] = [await fileOf(cert), await fileOf(key)];
    const tls = protocol === "HTTP/2" ? ["--tls-cert", certFile, "--tls-key", keyFile] : [];
    const env = { NODE_EXTRA_CA_CERTS: certFile };
    const { url, directory } = await serve(tls);
    const origin = url.replace("127.0.0.1", "localhost");
    const proxy = await startTrailsum(["proxy", origin, "--port", "0", ...tls], { env });
    const hop = proxy.url.replace("127.0.0.1", "localhost");
    const file = await fileOf(patterned(1_500_000));
    const cwd = await tempDir();
    const downloads = [
      [origin, "direct"],
      [origin, "one-range", "--jobs", "2"],
      [origin, "again", "--retry", "1"],
      [hop, "proxied"],
    ] as const;
    const results = await Promise.all(
      downloads.map(async ([from, name, ...args]) => {
        await trailsum(["upload", file, `${origin}/${name}`, "--quiet"], { env });
        await rot(join(directory, name));
        const { exitCode, stderr } = await trailsum(["download", `${from}/${name}`, ...args], { cwd, env });
        return [name, exitCode, /no longer matches its verified digest/.test(stderr) || stderr];
      }),
    );
    expect(results).toEqual(downloads.map(([, name]) => [name, 6, true]));
    expect(await filesBelow(cwd)).toEqual([]);
  },
);
