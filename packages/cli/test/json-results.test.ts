import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { tempDir, trailsum } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { serve } from "./support/serving.ts";

/** The members that docs/command.md names, of objects and of what is in them. */
async function documented(): Promise<ReadonlySet<string>> {
  const page = await readFile(join(import.meta.dirname, "../../../docs/command.md"), "utf8");
  const section = page.split(/^## /m).find((text) => text.startsWith("JSON\n")) ?? "";
  return new Set([...section.matchAll(/`(\w+)`/g)].map(([, name]) => name!));
}

test("every command prints objects with documented members, errors included", async () => {
  const { url, directory } = await serve();
  const cwd = await tempDir();
  await writeFile(join(cwd, "it"), "content");
  await writeFile(join(cwd, "SHA256SUMS"), `${"0".repeat(64)}  it\n`);
  const lines: { command: string; object: Record<string, unknown> }[] = [];
  const run = async (args: readonly string[], exit: number): Promise<void> => {
    const { exitCode, stdout } = await trailsum([...args, "--json"], { cwd });
    expect([args, exitCode]).toEqual([args, exit]);
    for (const line of stdout.trim().split("\n"))
      lines.push({ command: args[0]!, object: JSON.parse(line) as Record<string, unknown> });
  };
  await run(["upload", "it", "absent", `${url}/`], 5);
  await Promise.all([
    run(["upload", "it", `${url}/it`, "--skip-unchanged"], 0),
    run(["download", `${url}/it`, "-o", "copy"], 0),
    run(["download", `${url}/absent`, "-o", "other"], 4),
    run(["verify", directory], 0),
    run(["verify", "SHA256SUMS"], 6),
    run(["probe", url], 0),
    run(["probe", "http://127.0.0.1:1/"], 3),
    run(["upload"], 2),
  ]);
  const names = await documented();
  const unknown = lines.flatMap(({ command, object }) =>
    Object.keys(object)
      .filter((member) => !names.has(member))
      .map((member) => `${command}: ${member}`),
  );
  expect(unknown).toEqual([]);
  const errors = lines.filter(({ object }) => "error" in object);
  expect(errors.map(({ object }) => object["error"])).toEqual(
    errors.map(() => ({ code: expect.stringMatching(/^[A-Z_]+$/), message: expect.any(String) })),
  );
  // A file that is absent here, one that is absent there, a probe, and two commands as a whole.
  expect(errors).toHaveLength(5);
  expect(lines.map(({ object }) => object["state"]).filter((state) => state !== undefined)).toEqual(
    expect.arrayContaining(["ok", "mismatched"]),
  );
});
