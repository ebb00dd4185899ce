import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { startTrailsum, tempDir } from "@trailsum/testkit";
import { expect, test } from "vitest";

const page = await readFile(join(import.meta.dirname, "../../../docs/resumable-uploads.md"), "utf8");
const blocks = [...page.matchAll(/^```(sh|javascript)\n(.*?)^```$/gms)].map(([, language = "", text = ""]) => ({
  language,
  text,
}));
const run = promisify(execFile);

test("what the page on resumable uploads shows is what happens", async () => {
  expect(blocks.map(({ language }) => language)).toEqual(["sh", "javascript", "sh"]);
  const [serve, inTwoSteps, withCurl] = blocks.map(({ text }) => text);
  const directory = await tempDir();
  const args = serve!.trim().split(" ").slice(1);
  const { url } = await startTrailsum([...args, "--port", "0"], { cwd: directory });
  const here = (text: string): string => text.replaceAll("http://127.0.0.1:8080", url);

  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", here(inTwoSteps!)]);
  expect(stdout).toBe("201 verified\n");
  expect(await readFile(join(directory, "data/backup.tar"), "utf8")).toBe("as it comes");

  await run("sh", ["-c", here(withCurl!)], { cwd: directory });
  expect(await readFile(join(directory, "data/notes.txt"), "utf8")).toBe("first, second\n");
});
