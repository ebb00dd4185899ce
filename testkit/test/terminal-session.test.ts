import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { terminalScreen } from "../src/terminal-screen.ts";
import { reasonWithoutSession, TerminalSession } from "../src/terminal-session.ts";

test.each([
  ["lines", "a\r\nb\r\n", "a\nb\n"],
  ["a line that is drawn again", "50 %\r100 %\r\ndone", "100 %\ndone"],
  ["a line that is erased to its end", "50 % of it\r\x1b[Kdone", "done"],
  ["lines that are drawn again", "a\r\nb\r\n\x1b[2Ax\r\ny\r\n", "x\ny\n"],
  ["everything below that is erased", "a\r\nb\r\nc\x1b[2A\r\x1b[Jd", "d"],
  ["colours and marks, which are not shown", "\x1b]133;A\x07\x1b[31mred\x1b[0m\x1b[?2004h", "red"],
])("a screen shows %s", (_what, written, screen) => {
  expect(terminalScreen(written)).toBe(screen);
});

test.skipIf(reasonWithoutSession !== "")(`a session shows what commands print${reasonWithoutSession}`, async () => {
  const directory = await mkdtemp(join(tmpdir(), "trailsum-terminal-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const session = await TerminalSession.open(directory, process.env);
  onTestFinished(() => session.close());
  expect(await session.type("printf 'a\\nb\\n' > file && test -t 1 && cat file")).toBe("a\nb");
  expect(await session.type("cat nothing")).toBe("cat: nothing: No such file or directory");
  expect(await session.type("echo ready; sleep 60", { shown: /^ready\n/m })).toBe("ready");
});
