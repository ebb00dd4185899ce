import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { errorTable } from "@trailsum/shared";
import { FeedSource, listen, spawnTrailsum, tempDir } from "@trailsum/testkit";
import { createServer } from "node:http";
import { beforeEach, expect, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";
import { serve } from "./support/serving.ts";

const trailsum = commandProcess();

const nowhere = "http://127.0.0.1:1/x";
const wrong = "0".repeat(64);

let cwd: string;

beforeEach(async () => {
  cwd = await tempDir();
  await writeFile(join(cwd, "it"), "content");
  await writeFile(join(cwd, "SHA256SUMS"), `${wrong}  it\n`);
  await writeFile(join(cwd, "ABSENT"), `${wrong}  absent\n`);
});

/** Runs a command that fails; gives the objects that it printed, the last of which has the error. */
async function failed(args: readonly string[], exit: number): Promise<Record<string, unknown>[]> {
  const { exitCode, stdout, stderr } = await trailsum([...args, "--json"], { cwd });
  expect([args, exitCode, stderr]).toEqual([args, exit, expect.any(String)]);
  const objects = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const { code, message, ...others } = objects.at(-1)!["error"] as Record<string, string>;
  expect(others).toEqual({});
  expect(errorTable[code as keyof typeof errorTable].exit).toBe(exit);
  expect(stderr).toContain(message);
  return objects;
}

test.each([
  [["upload"], 2, "USAGE"],
  [["upload", "it", nowhere, "--jbos", "2"], 2, "USAGE"],
  [["upload", "it", nowhere, "--digest", "sha-0"], 2, "UNKNOWN_ALGORITHM"],
  [["download"], 2, "USAGE"],
  [["download", nowhere, "--cacert", "absent"], 5, "FILE_UNREADABLE"],
  [["verify"], 2, "USAGE"],
  [["verify", "absent"], 5, "FILE_UNREADABLE"],
  [["probe"], 2, "USAGE"],
  [["probe", nowhere], 3, "CONNECT_FAILED"],
  [["serve", "it"], 5, "FILE_UNWRITABLE"],
  [["serve", "--port", "x"], 2, "USAGE"],
  [["proxy"], 2, "USAGE"],
  [["proxy", "http://127.0.0.1:1", "--tls-cert", "absent", "--tls-key", "absent"], 5, "FILE_UNREADABLE"],
  [["demo", "--colour"], 2, "USAGE"],
  [["completion", "bash"], 2, "USAGE"],
  [["uplaod"], 2, "USAGE"],
])("%j prints one JSON object, which has the error alone", async (args, exit, code) => {
  const objects = await failed(args, exit);
  expect(objects).toEqual([{ error: { code, message: expect.any(String) } }]);
});

test("a file that fails has an object of its own, for every class of errors", async () => {
  const { url } = await serve(["--require", "sha-256"]);
  const { origin: plain } = await listen(createServer((_request, response) => response.end("content")));
  const { origin: refusing } = await listen(
    createServer((request, response) => void request.resume().on("end", () => response.writeHead(403).end())),
  );
  const cases: [args: string[], exit: number, code: string][] = [
    [["upload", "it", nowhere], 3, "CONNECT_FAILED"],
    [["upload", "it", `${refusing}/it`], 4, "REFUSED"],
    [["upload", "absent", `${url}/it`], 5, "FILE_UNREADABLE"],
    [["upload", "it", `${url}/it`, "--sums", "SHA256SUMS"], 6, "DIGEST_MISMATCHED"],
    [["upload", "it", `${url}/it`, "--digest", "crc32c"], 7, "DIGEST_MISSING"],
    [["download", nowhere], 3, "CONNECT_FAILED"],
    [["download", `${url}/absent`], 4, "REFUSED"],
    [["download", `${plain}/it`, "-o", "absent/it"], 5, "FILE_UNWRITABLE"],
    [["download", `${plain}/it`, "--checksum", `sha-256=${wrong}`], 6, "DIGEST_MISMATCHED"],
    [["download", `${plain}/it`, "--require", "verified"], 7, "DIGEST_UNVERIFIED"],
  ];
  for (const [args, exit, code] of cases) {
    const objects = await failed(args, exit);
    const named = args[0] === "upload" ? { file: args[1] } : { url: args[1] };
    const error = { code, message: expect.any(String) };
    expect([args, objects]).toEqual([args, [expect.objectContaining({ ...named, error })]]);
  }
});

test("verify prints the states of files, and then the error that they come to", async () => {
  expect(await failed(["verify", "SHA256SUMS"], 6)).toEqual([
    expect.objectContaining({ file: "it", state: "mismatched" }),
    { error: { code: "STORED_BYTES_DIFFER", message: expect.stringContaining("SHA256SUMS") } },
  ]);
  expect(await failed(["verify", "ABSENT"], 5)).toEqual([
    { file: "absent", state: "missing" },
    { error: { code: "FILE_UNREADABLE", message: expect.any(String) } },
  ]);
  const { directory } = await serve();
  await writeFile(join(directory, "unknown"), "content");
  expect(await failed(["verify", directory, "--require", "verified"], 7)).toEqual([
    { file: "unknown", state: "unrecorded" },
    { error: { code: "DIGEST_MISSING", message: expect.any(String) } },
  ]);
});

test("an interrupt is an error of the file that was under way", async () => {
  const { url } = await serve();
  const source = new FeedSource();
  const { child, exited } = spawnTrailsum(["upload", "-", `${url}/it`, "--json"], { input: source });
  source.offer(1_000_000);
  await new Promise((resolve) => child.stdin!.once("drain", resolve));
  child.kill("SIGINT");
  const { exitCode, stdout } = await exited;
  expect(exitCode).toBe(130);
  expect(JSON.parse(stdout)).toEqual({ file: "-", error: { code: "ABORTED", message: "the upload was cancelled" } });
});
