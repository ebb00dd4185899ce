import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { rawServer, tempDir } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { fileOf, md5, patterned } from "./support/content.ts";
import { screenOf } from "./support/screen.ts";
import { serve } from "./support/serving.ts";
import { onTerminal, reasonWithoutTerminal } from "./support/terminal.ts";

const run = promisify(execFile);

describe.skipIf(reasonWithoutTerminal !== "")(`on a terminal${reasonWithoutTerminal}`, () => {
  const bytes = patterned(3_000_000);

  test("an upload shows rate and time left, and leaves its result and nothing else", async () => {
    const { url } = await serve();
    const file = await fileOf(bytes);
    const { output, exited } = onTerminal(["upload", file, `${url}/it`]);
    const drawn = await output;
    expect(await exited).toBe(0);
    expect(drawn).toMatch(/\d+% {2}[\d.]+ [KM]iB of 2\.86 MiB {2}[\d.]+ [kKMG]?i?B\/s {2}\w+ left/);
    expect(screenOf(drawn)).toEqual({ lines: [`${md5(bytes)}  ${file}`], cursor: true });
  });

  test("a download shows its rate, and leaves its result and nothing else", async () => {
    const { url, directory } = await serve();
    const cwd = await tempDir();
    await run("cp", [await fileOf(bytes), `${directory}/it`]);
    const { output, exited } = onTerminal(["download", `${url}/it`], { cwd });
    const drawn = await output;
    expect(await exited).toBe(0);
    expect(drawn).toMatch(/[\d.]+ [KM]iB .*[\d.]+ [kKMG]?i?B\/s/);
    expect(screenOf(drawn)).toEqual({ lines: [`${md5(bytes)}  it`], cursor: true });
  });

  test("progress over a tree counts its files, and uses one line of the terminal", async () => {
    const { url } = await serve();
    const cwd = await tempDir();
    await Promise.all(Array.from({ length: 300 }, (_, at) => writeFile(join(cwd, String(at)), String(at))));
    const { output, exited } = onTerminal(["upload", ".", `${url}/`, "--json"], { cwd });
    const drawn = await output;
    expect(await exited).toBe(0);
    const visible = drawn.replaceAll("\u001b[K", "|");
    expect(visible).toMatch(/\r\d+ files {2}[\d.]+ (?:Ki)?B {2}[\d.]+ (?:Ki)?B\/s\|/);
    expect(visible).not.toContain("\u001b");
    expect(screenOf(drawn).lines).toHaveLength(300);
  });

  test("without progress nothing is drawn", async () => {
    const { url } = await serve();
    const file = await fileOf(bytes);
    const flag = onTerminal(["upload", file, `${url}/it`, "--no-progress"]);
    const variable = onTerminal(["upload", file, `${url}/it`], { env: { TRAILSUM_PROGRESS: "0" } });
    const quiet = onTerminal(["upload", file, `${url}/it`, "--quiet"]);
    const outputs = await Promise.all([flag.output, variable.output, quiet.output]);
    expect(outputs).toEqual([`${md5(bytes)}  ${file}\r\n`, `${md5(bytes)}  ${file}\r\n`, ""]);
  });

  test("an interrupt takes the bar away, shows the cursor again, and says what happened", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this");
    });
    const { child, output, exited } = onTerminal(["download", `${server.origin}/it`], { cwd: await tempDir() });
    let drawn = "";
    child.stdout.on("data", (piece: Buffer) => (drawn += piece.toString()));
    await expect.poll(() => drawn, { timeout: 10_000 }).toContain("9 B of 1000 B");
    // What a terminal makes of Ctrl-C is up to the terminal.
    child.stdin.write("\x03");
    expect(await exited).toBe(130);
    const { lines, cursor } = screenOf(await output);
    expect(cursor).toBe(true);
    expect(lines.join("\n").replace("^C", "")).toBe("trailsum: the download was cancelled");
  });
});
