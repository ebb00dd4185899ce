import { execFile } from "node:child_process";
import { mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { loadCommands } from "../src/commands/index.ts";
import { flagEntries } from "../src/manual/flag-entries.ts";
import { manPages } from "../src/manual/man-page.ts";

const run = promisify(execFile);

/** For the name of a test. Named by a variable, so that nothing takes the program for a dependency. */
async function absence(program: string, ...args: string[]): Promise<string> {
  return run(program, args).then(
    () => "",
    () => ` (skipped: there is no ${program} here)`,
  );
}

const absent = { groff: await absence("groff", "--version"), mandoc: await absence("mandoc", "/dev/null") };

const commands = await loadCommands();
const pages = manPages(commands, { version: "1.2.3", date: "2026-11-30" });
let directory: string;

beforeAll(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), "trailsum-man-")));
  for (const [name, page] of pages) await writeFile(join(directory, name), page);
});

afterAll(() => rm(directory, { recursive: true, force: true }));

test("every page is listed in the package, and every command has one", async () => {
  const manifest = JSON.parse(await readFile(join(import.meta.dirname, "../package.json"), "utf8")) as {
    man: string[];
  };
  expect(manifest.man).toEqual([...pages.keys()].map((name) => `./bundle/man/${name}`));
  expect([...pages.keys()].slice(1)).toEqual(commands.map(({ name }) => `trailsum-${name}.1`));
});

describe.skipIf(absent.groff !== "")(`groff${absent.groff}`, () => {
  test("formats every page without a warning, with every flag in it", async () => {
    for (const { name, flags, examples } of commands) {
      const file = join(directory, `trailsum-${name}.1`);
      const { stdout, stderr } = await run("groff", ["-man", "-ww", "-Tascii", "-P-cbou", "-rLL=200n", file]);
      expect(stderr).toBe("");
      for (const flag of flagEntries(flags)) expect(stdout).toContain(`--${flag.name}`);
      // Text that roff could take for a request, or change, is there as it was written.
      for (const { line } of examples) expect(stdout).toContain(line);
    }
    const { stdout, stderr } = await run("groff", ["-man", "-ww", "-Tascii", "-P-cbou", join(directory, "trailsum.1")]);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/trailsum-upload\(1\)[^]*EXIT STATUS[^]*SEE ALSO/);
  });
});

describe.skipIf(absent.mandoc !== "")(`mandoc${absent.mandoc}`, () => {
  test("finds nothing to complain about in any page", async () => {
    const files = [...pages.keys()].map((name) => join(directory, name));
    const { stdout } = await run("mandoc", ["-Tlint", "-Wwarning", ...files]);
    expect(stdout).toBe("");
  });
});
