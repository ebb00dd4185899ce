import { execFile } from "node:child_process";
import { readdir, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { FeedSource, rawServer, spawnTrailsum, tempDir, trailsum } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { content, fileOf } from "./support/content.ts";
import { startHop } from "./support/hop.ts";
import { filesBelow, serve } from "./support/serving.ts";

test("every exit status, each from a process that talks to a server", async () => {
  const { url } = await serve();
  const hop = await startHop(url);
  const directory = await tempDir();
  const file = await fileOf();
  const exits: Record<string, number | null> = {};
  const run = async (name: string, ...args: readonly string[]): Promise<void> => {
    exits[name] = (await trailsum(args, { cwd: directory })).exitCode;
  };
  await run("0: uploaded", "upload", file, `${url}/it`);
  await run("0: downloaded", "download", `${url}/it`);
  await run("2: a flag that there is not", "upload", file, `${url}/2`, "--what");
  await run("3: no one there", "upload", file, "http://127.0.0.1:1/3");
  await run("4: nothing there", "download", `${url}/nothing`);
  await run("5: no such file", "upload", "nothing", `${url}/5`);
  hop.plan = { edit: (request) => request.replace(content.toString(), content.toString().toUpperCase()) };
  await run("6: damaged on the way", "upload", file, `${hop.origin}/6`);
  hop.plan = { edit: (request) => request.replace(/\r\n0\r\n.*$/s, "\r\n0\r\n\r\n") };
  await run("7: trailers lost on the way", "upload", file, `${hop.origin}/7`);
  for (const [name, exit] of Object.entries(exits)) expect([name, exit]).toEqual([name, Number(name[0])]);
  expect(await filesBelow(directory)).toEqual(["it"]);
});

test("1: an unexpected error is reported as a bug, with its stack", async () => {
  const processRun = fileURLToPath(new URL("../src/process/process-run.ts", import.meta.url));
  const script = `
    const { runCommand } = await import(${JSON.stringify(processRun)});
    await runCommand(async () => { throw new TypeError("no one expected this"); });
  `;
  const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
    execFile(process.execPath, ["--input-type=module", "-e", script], (error, _stdout, said) =>
      resolve({ code: error?.code, stderr: said }),
    );
  });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^trailsum: unexpected error, please report it: TypeError: no one expected this\n +at /);
});

describe.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const)("%s", (signal, exit) => {
  test(`ends an upload with ${exit}, and the server keeps nothing`, async () => {
    const { url, directory, visible, staged, uploads, stderr: log } = await serve();
    const received = async (): Promise<string[]> => [...(await staged()), ...(await uploads())];
    const size = async (): Promise<number> => {
      const [id] = await uploads();
      return id === undefined ? 0 : (await stat(join(directory, ".trailsum/uploads", id))).size;
    };
    const source = new FeedSource();
    const { child, exited } = spawnTrailsum(["upload", "-", `${url}/it`], { input: source });
    source.offer(3 * 1024 * 1024);
    // By then the client knows its upload resource.
    await expect.poll(size).toBeGreaterThan(2 * 1024 * 1024);
    child.kill(signal);
    const { exitCode, stdout, stderr } = await exited;
    expect([exitCode, stdout, stderr]).toEqual([exit, "", "trailsum: the upload was cancelled\n"]);
    await expect.poll(received).toEqual([]);
    expect(await visible()).toEqual([]);
    await expect.poll(log).toMatch(/^127\.0\.0\.1 "PUT \/it" - .* CONNECTION_LOST /m);
  });

  test.runIf(process.platform === "linux")(`ends an upload of a named pipe without a writer with ${exit}`, async () => {
    const { url } = await serve();
    const pipe = join(await tempDir(), "pipe");
    await promisify(execFile)("mkfifo", [pipe]);
    const { child, exited } = spawnTrailsum(["upload", pipe, `${url}/it`]);
    await expect.poll(() => openedBy(child.pid)).toContain(pipe);
    child.kill(signal);
    const { exitCode, stdout, stderr } = await exited;
    expect([exitCode, stdout, stderr]).toEqual([exit, "", "trailsum: the upload was cancelled\n"]);
  });

  test.runIf(process.platform === "linux")(`ends serve while a certificate never comes with ${exit}`, async () => {
    const directory = await tempDir();
    const pipe = join(directory, "cert.pem");
    await promisify(execFile)("mkfifo", [pipe]);
    const { child, exited } = spawnTrailsum(["serve", directory, "--port", "0", "--tls-cert", pipe, "--tls-key", pipe]);
    await expect.poll(() => openedBy(child.pid)).toContain(pipe);
    child.kill(signal);
    const { exitCode, stdout, stderr } = await exited;
    expect([exitCode, stdout, stderr]).toEqual([exit, "", `trailsum: cancelled while waiting for ${pipe}\n`]);
  });

  test(`ends a download with ${exit}, and leaves no file`, async () => {
    const begun = Promise.withResolvers<void>();
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this");
      begun.resolve();
    });
    const directory = await tempDir();
    const { child, exited } = spawnTrailsum(["download", `${server.origin}/it`], { cwd: directory });
    // The file may be there before the request is.
    await begun.promise;
    await expect.poll(() => filesBelow(directory)).toHaveLength(1);
    child.kill(signal);
    const { exitCode, stdout, stderr } = await exited;
    expect([exitCode, stdout, stderr]).toEqual([exit, "", "trailsum: the download was cancelled\n"]);
    expect(await filesBelow(directory)).toEqual([]);
  });
});

/** The paths that a process has open. */
async function openedBy(pid: number | undefined): Promise<string[]> {
  const descriptors = await readdir(`/proc/${pid}/fd`);
  return Promise.all(descriptors.map((descriptor) => readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "")));
}

test("of several files the first failure gives the exit status, and the others are uploaded all the same", async () => {
  const { url, visible } = await serve();
  const directory = await tempDir();
  const file = await fileOf(content, "there");
  const { exitCode, stdout, stderr } = await trailsum(["upload", "absent", file, `${url}/`], { cwd: directory });
  expect(exitCode).toBe(5);
  expect(stderr).toBe("trailsum: cannot read absent: no such file\n");
  expect(stdout).toMatch(/ {2}\S+there\n$/);
  expect(await visible()).toEqual(["there"]);
});
