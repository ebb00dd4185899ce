import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, symlink, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";

import { listen, rawServer, tempDir } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { fileOf, md5, patterned } from "./support/content.ts";
import { screenOf } from "./support/screen.ts";
import { serve } from "./support/serving.ts";
import { onTerminal, reasonWithoutTerminal } from "./support/terminal.ts";

const run = promisify(execFile);

const sha256 = (content: Uint8Array): string => createHash("sha256").update(content).digest("hex");

/** Enough that they are under way while they are found. 3,000 with MANY_FILES=3000. */
const FILES = Number(process.env["MANY_FILES"] ?? 300);

/** The clock of transfers, twenty times as fast: five seconds without a byte are a stall. */
const FAST_CLOCK = "const{performance:p}=globalThis,now=p.now.bind(p);p.now=()=>now()*20";

/** How often the screen is looked at. */
const MOMENTS = 10;

const RESULT_LINE = /^[\da-f]{32} {2}tree\/[\w-]+$/;
const RUNNING_LINE = /^tree\/[\w-]+ +(?:\d+% {2})?\d+ B/;
const TOTAL_LINE = /^\d+\/\d+ files {2}/;
/** Every line that may be on the screen while files are uploaded. */
const KNOWN_LINES = [RESULT_LINE, RUNNING_LINE, TOTAL_LINE, /^trailsum: cannot upload tree\/0-unreadable/];

/** Where the drawing of a line for all files ends. */
function ends(drawn: string): number[] {
  // oxlint-disable-next-line no-control-regex -- an escape sequence ends the line
  const total = /\d+\/\d+ files {2}[^\r\n\u001B]*\u001B\[[JK]/g;
  return [...drawn.matchAll(total)].map(({ index, 0: text }) => index + text.length);
}

/** The screen after so many of the drawings, the first and the last among them. */
function screensOf(drawn: string, count: number): { readonly lines: readonly string[] }[] {
  const all = ends(drawn);
  return Array.from({ length: count }, (_, at) =>
    screenOf(drawn.slice(0, all[Math.round((at * (all.length - 1)) / (count - 1))])),
  );
}

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
    expect(screenOf(drawn)).toEqual({ lines: [`${sha256(bytes)}  it`], cursor: true });
  });

  test.each([60, 80, 200])("progress over a tree is right in %i columns", async (columns) => {
    const cwd = await tempDir();
    await mkdir(join(cwd, "tree"));
    await Promise.all(Array.from({ length: FILES }, (_, at) => writeFile(join(cwd, "tree", `file-${at}`), String(at))));
    // Two that fail or never end: a link that leads nowhere, and one whose content the server does not take.
    await symlink("nowhere", join(cwd, "tree", "0-unreadable"));
    await writeFile(join(cwd, "tree", "stalled"), "stalled");
    const stalled = Promise.withResolvers<void>();
    const server = createServer((request, response) => {
      const answer = (): void => void response.writeHead(201).end();
      request.resume().on("end", () => void (request.url === "/stalled" ? stalled.promise.then(answer) : answer()));
    });
    const { origin } = await listen(server);
    const { child, exited } = onTerminal(["upload", "tree/", `${origin}/`, "--no-delivery-cache"], {
      cwd,
      columns,
      unread: true,
    });
    let drawn = "";
    child.stdout.on("data", (piece: Buffer) => (drawn += piece.toString()));
    const progress = (): string[] => screenOf(drawn).lines.slice(-2);
    await expect
      .poll(progress)
      .toEqual([
        expect.stringMatching(/^tree\/stalled +7 B {2}waiting for the verdict/),
        expect.stringMatching(new RegExp(`^${FILES + 1}/${FILES + 2} files `)),
      ]);
    await expect.poll(() => ends(drawn).length).toBeGreaterThanOrEqual(MOMENTS);
    const moments = screensOf(drawn, MOMENTS);
    for (const { lines } of moments) {
      const drawnLines = lines.filter((text) => RUNNING_LINE.test(text) || TOTAL_LINE.test(text));
      expect(Math.max(...drawnLines.map((text) => text.length))).toBeLessThan(columns);
      expect(lines.filter((text) => !KNOWN_LINES.some((known) => known.test(text)))).toEqual([]);
      // One line for all files, below those of files under way, which are below results.
      expect(lines.findIndex((text) => TOTAL_LINE.test(text))).toBe(lines.length - 1);
      const firstRunning = lines.findIndex((text) => RUNNING_LINE.test(text));
      expect(lines.slice(firstRunning).filter((text) => RESULT_LINE.test(text))).toEqual([]);
    }
    const counts = [...drawn.matchAll(/(\d+)\/\d+ files {2}/g)].map(([, count]) => Number(count));
    expect(counts).toEqual(counts.toSorted((one, other) => one - other));
    stalled.resolve();
    expect(await exited).toBe(5);
    const { lines } = screenOf(drawn);
    expect(lines.filter((text) => /^[\da-f]{32} {2}tree\/file-\d+$/.test(text))).toHaveLength(FILES);
    expect(lines.filter((text) => text.includes("waiting for"))).toEqual([]);
    expect(lines.at(-1)).toMatch(/^trailsum: 1 of the entries|^\d+ files, /);
    expect(drawn).toMatch(new RegExp(`${FILES + 1} files, [\\d.]+ (?:Ki)?B in \\w+ .*, 1 failed`));
  });

  test("a transfer that moves nothing shows that it stalls, and for how long", async () => {
    // A server that reads the head of the request, and no content.
    const ended = Promise.withResolvers<void>();
    const { origin } = await listen(createServer((request) => void ended.promise.then(() => request.resume())));
    const file = join(await tempDir(), "file");
    await writeFile(file, "");
    await truncate(file, 100_000_000);
    const { child, exited } = onTerminal(["upload", file, `${origin}/it`, "--delivery=trailers"], {
      env: { NODE_OPTIONS: `--import=data:text/javascript,${FAST_CLOCK}` },
      unread: true,
    });
    let drawn = "";
    child.stdout.on("data", (piece: Buffer) => (drawn += piece.toString()));
    const shown = (): string => screenOf(drawn).lines.at(-1) ?? "";
    await expect.poll(shown).toMatch(/ \d%.* of 95\.4 MiB {2}0 B\/s {2}stalled \d+s$/);
    child.stdin.write("\u0003");
    expect(await exited).toBe(130);
    ended.resolve();
  });

  test("without progress, and on a terminal that cannot erase, nothing is drawn", async () => {
    const { url } = await serve();
    const file = await fileOf(bytes);
    const flag = onTerminal(["upload", file, `${url}/it`, "--no-progress"]);
    const variable = onTerminal(["upload", file, `${url}/it`], { env: { TRAILSUM_PROGRESS: "0" } });
    const dumb = onTerminal(["upload", file, `${url}/it`], { env: { TERM: "dumb" } });
    const quiet = onTerminal(["upload", file, `${url}/it`, "--quiet"]);
    const outputs = await Promise.all([flag.output, variable.output, dumb.output, quiet.output]);
    const result = `${md5(bytes)}  ${file}\r\n`;
    expect(outputs).toEqual([result, result, result, ""]);
  });

  test("an interrupt takes the bar away, shows the cursor again, and says what happened", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this");
    });
    const { child, output, exited } = onTerminal(["download", `${server.origin}/it`], { cwd: await tempDir() });
    let drawn = "";
    child.stdout.on("data", (piece: Buffer) => (drawn += piece.toString()));
    await expect.poll(() => drawn).toContain("9 B of 1000 B");
    // What a terminal makes of Ctrl-C is up to the terminal.
    child.stdin.write("\x03");
    expect(await exited).toBe(130);
    const { lines, cursor } = screenOf(await output);
    expect(cursor).toBe(true);
    expect(lines.join("\n").replace("^C", "")).toBe("trailsum: the download was cancelled");
  });
});
