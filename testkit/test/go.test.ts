import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { buildGo, goToolchain, tempDir } from "../src/index.ts";

const go = await goToolchain();

test.skipIf(go === undefined)("a Go source file is built into a program that runs", async () => {
  const source = join(await tempDir(), "hello.go");
  await writeFile(source, 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("hello from Go") }\n');
  const program = await buildGo(source);
  expect(execFileSync(program, { encoding: "utf8" })).toBe("hello from Go\n");
  expect(await buildGo(source)).toBe(program);
});
