import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";

import { join } from "node:path";

import { freePort, startTrailsum, tempDir, trailsum } from "@trailsum/testkit";
import { describe, expect, onTestFinished, test } from "vitest";

const root = join(import.meta.dirname, "../../..");
const page = await readFile(join(root, "docs/operations.md"), "utf8");

/** The cells of each row of the page's tables whose first cell matches. */
const rows = (first: RegExp): string[][] =>
  page
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .filter(([cell = ""]) => first.test(cell));

describe("the table of limits", () => {
  const fixed = rows(/^\d+$/);

  test.each(fixed.map(([value, , , constant]) => [constant!, value!]))("%s is %s", async (constant, value) => {
    const [, name = "", path = ""] = /^`(\w+)` in `([^`]+)`$/.exec(constant) ?? [];
    const source = await readFile(join(root, path), "utf8");
    const [, expression = ""] = new RegExp(`const ${name}(?:: number)? = ([\\d_* ]+);`).exec(source) ?? [];
    const factors = expression.split("*").map((factor) => Number(factor.trim().replaceAll("_", "")));
    expect(factors.reduce((product, factor) => product * factor)).toBe(Number(value));
  });

  test("has the defaults that the help of the commands has", async () => {
    const [serve, proxy] = await Promise.all(["serve", "proxy"].map((command) => trailsum([command, "--help"])));
    const defaultIn = (help: string, flag: string): string => {
      const [, text = ""] = new RegExp(`^ +${flag} (.*?)(?=^ +--)`, "ms").exec(help) ?? [];
      return /\(default\s+(\d+)\)/.exec(text)?.[1] ?? "";
    };
    const configurable = rows(/^`--/).filter((cells) => cells.length === 4);
    expect(configurable.length).toBeGreaterThan(5);
    const actual = configurable.map(([flag = ""]) => {
      const name = flag.replaceAll("`", "");
      return [flag, defaultIn(serve!.stdout, name), defaultIn(proxy!.stdout, name)];
    });
    expect(actual).toEqual(configurable.map((cells) => cells.slice(0, 3)));
  });
});

interface Front {
  readonly file: string;
  readonly program: string;
  readonly version: string;
  readonly args: (config: string, directory: string) => string[];
}

const fronts: Record<string, Front> = {
  nginx: {
    file: "nginx.conf",
    program: "nginx",
    version: "-v",
    args: (config, directory) => ["-p", directory, "-c", config, "-g", "daemon off; pid nginx.pid; error_log stderr;"],
  },
  Caddy: {
    file: "Caddyfile",
    program: "caddy",
    version: "version",
    args: (config) => ["run", "--adapter", "caddyfile", "--config", config],
  },
  HAProxy: { file: "haproxy.cfg", program: "haproxy", version: "-v", args: (config) => ["-db", "-f", config] },
};

function isInstalled({ program, version }: Front): boolean {
  try {
    execFileSync(program, [version], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await exited;
}

describe.each(Object.entries(fronts))("behind %s", (name, front) => {
  test.skipIf(!isInstalled(front))(
    "an upload is verified, in the mode that the page names, and can be downloaded",
    async () => {
      const directory = await tempDir();
      const { url } = await startTrailsum(["serve", join(directory, "files"), "--port", "0"]);
      const port = await freePort();
      const text = await readFile(join(root, "deploy", front.file), "utf8");
      const config = join(directory, front.file);
      await writeFile(config, text.replaceAll("8443", `${port}`).replaceAll("8080", new URL(url).port));
      const env = { ...process.env, HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory };
      const child = spawn(front.program, front.args(config, directory), { env, stdio: "ignore" });
      onTestFinished(() => end(child));

      const through = `http://127.0.0.1:${port}/it`;
      await expect
        .poll(
          () =>
            fetch(through).then(
              ({ status }) => status,
              () => 0,
            ),
          { timeout: 60_000 },
        )
        .toBe(404);
      const settings = { env: { XDG_CACHE_HOME: directory } };
      const sent = await trailsum(["upload", "-", through, "--json"], { ...settings, input: "x".repeat(3_000_000) });
      expect(sent).toMatchObject({ exitCode: 0 });
      const [, , mode] = rows(new RegExp(`^${name}$`))[0]!;
      expect(JSON.parse(sent.stdout)).toMatchObject({ delivery: { mode, attempts: 1 } });
      const got = await trailsum(["download", through, "-o", join(directory, "got"), "--require", "verified"]);
      expect(got).toMatchObject({ exitCode: 0 });
    },
  );
});
