import { createServer } from "node:net";
import { dirname, join } from "node:path";

import { listen, rawClient, tempDir } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";
import { content, fileOf, md5 } from "./support/content.ts";
import { serve } from "./support/serving.ts";

const trailsum = commandProcess();

const head = "PUT /it HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nTrailer: Md5\r\n\r\n";
const chunk = `${content.length.toString(16)}\r\n${content.toString()}\r\n`;
const end = `0\r\nMd5: ${md5(content)}\r\n\r\n`;

test("serve says on stdout where it listens, and nothing else, and logs on stderr", async () => {
  const { url, port, stdout, stderr } = await serve();
  await trailsum(["upload", await fileOf(), `${url}/it`]);
  await trailsum(["download", `${url}/nothing`]);
  expect(stdout()).toBe(`listening on http://127.0.0.1:${port}\n`);
  await expect
    .poll(stderr)
    .toMatch(/^127\.0\.0\.1 "PUT \/it" 201 [^\n]+ verdict=verified [^\n]+\n127\.0\.0\.1 "GET \/nothing" 404 [^\n]+\n$/);
});

test("serve creates its directory, and says so", async () => {
  const directory = join(await tempDir(), "new/files");
  const { url, visible, stderr } = await serve([], { directory });
  expect(stderr()).toBe(`created ${dirname(directory)}\n`);
  expect((await trailsum(["upload", await fileOf(), `${url}/it`])).exitCode).toBe(0);
  expect(await visible()).toEqual(["it"]);
});

test("serve listens where --host and --port say, and says so when the address is in use", async () => {
  const { port } = await listen(createServer());
  const { exitCode, stdout, stderr } = await trailsum(["serve", await tempDir(), "--port", String(port)]);
  expect([exitCode, stdout]).toEqual([2, ""]);
  expect(stderr).toBe(
    `trailsum: cannot listen on 127.0.0.1:${port}: address already in use: stop the other process, or use another port (0 picks a free one)\n`,
  );
  const { url } = await serve(["--host", "localhost"]);
  expect(url).toMatch(/^http:\/\/localhost:\d+$/);
  expect((await trailsum(["upload", await fileOf(), `${url}/it`])).exitCode).toBe(0);
});

test("--max-size refuses what is larger: by its length, or else once it is known", async () => {
  const { url, port, visible, staged } = await serve(["--max-size", "1K"]);
  const reported = await rawClient(port);
  await reported.write(`PUT /told HTTP/1.1\r\nHost: test\r\nContent-Length: 1025\r\nMd5: ${md5(content)}\r\n\r\n`);
  expect((await reported.readHead()).toString()).toMatch(/^HTTP\/1\.1 413 /);
  const { exitCode, stderr } = await trailsum(["upload", await fileOf("x".repeat(1025)), `${url}/untold`]);
  expect([exitCode, stderr]).toEqual([
    4,
    `trailsum: ${url}/untold: the server answered 413 Payload Too Large: at most 1024 bytes are accepted here\n`,
  ]);
  expect((await trailsum(["upload", await fileOf("x".repeat(1024)), `${url}/fits`])).exitCode).toBe(0);
  expect([await visible(), await staged()]).toEqual([["fits"], []]);
});

test("--timeout-idle is how long serve waits for a silent client", async () => {
  const { port, visible, staged, stderr } = await serve(["--timeout-idle", "0.2"]);
  const silent = await rawClient(port);
  await silent.write(head + chunk);
  expect((await silent.readHead()).toString()).toMatch(/^HTTP\/1\.1 408 /);
  await expect.poll(stderr).toContain("no byte of the content came for 0.2 s");
  expect([await visible(), await staged()]).toEqual([[], []]);
});

test("serve has flags for clients that are slow with a head, idle, or slow throughout", async () => {
  const { url, port } = await serve(["--timeout-head", "0.1", "--timeout-keep-alive", "0.1", "--min-rate", "1"]);
  const [slow, idle] = await Promise.all([rawClient(port), rawClient(port)]);
  await slow.write("GET /it HTTP/1.1\r\nHo");
  await idle.write("HEAD /it HTTP/1.1\r\nHost: test\r\n\r\n");
  expect((await slow.readToEnd()).toString()).toMatch(/^HTTP\/1\.1 408 /);
  expect((await idle.readToEnd()).toString()).toMatch(/^HTTP\/1\.1 404 /);
  expect((await trailsum(["upload", await fileOf(), `${url}/it`])).exitCode).toBe(0);
});

test.each(["--timeout-head", "--timeout-keep-alive", "--min-rate"])(
  "serve refuses a negative %s: exit 2",
  async (flag) => {
    const { exitCode, stderr } = await trailsum(["serve", await tempDir(), `${flag}=-1`]);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(`${flag} takes a number of`)]);
  },
);

test("--require sha-256 refuses uploads whose strongest digest is weaker", async () => {
  const { url, visible } = await serve(["--require", "sha-256"]);
  const weak = await trailsum(["upload", await fileOf(), `${url}/weak`, "--digest", "md5"]);
  expect([weak.exitCode, weak.stderr]).toEqual([
    7,
    `trailsum: ${url}/weak: the server answered 400 Bad Request: no digest that is strong enough could be checked: a sha-256 or sha-512 digest is required\n`,
  ]);
  for (const algorithm of ["sha-256", "sha-512"]) {
    const { exitCode } = await trailsum(["upload", await fileOf(), `${url}/${algorithm}`, "--digest", algorithm]);
    expect(exitCode).toBe(0);
  }
  expect(await visible()).toEqual(["sha-256", "sha-512"]);
});

test("an upload that is refused early learns why, however much is left to send", async () => {
  const { url } = await serve(["--max-size", "1K"]);
  const { exitCode, stderr } = await trailsum(["upload", await fileOf(Buffer.alloc(30_000_000)), `${url}/it`]);
  expect(exitCode).toBe(4);
  expect(stderr).toMatch(/: the server answered 413 Payload Too Large: /);
});

describe.each(["SIGTERM", "SIGINT"] as const)("%s", (signal) => {
  test("lets a running upload finish, closes what is idle, takes nothing new, and ends with 0", async () => {
    const serving = await serve();
    const { port, child, exited, visible, staged } = serving;
    const idle = await rawClient(port);
    await idle.write("GET /nothing HTTP/1.1\r\nHost: test\r\n\r\n");
    await idle.readHead();
    const busy = await rawClient(port);
    await busy.write(head + chunk);
    await expect.poll(staged).toHaveLength(1);
    child.kill(signal);
    // It is closing when what is idle is closed.
    await idle.readToEnd();
    // The system may take a connection in between, which no one will ever answer.
    await expect.poll(() => rawClient(port).then(() => "accepted", String)).toContain("ECONNREFUSED");
    await busy.write(end);
    const answer = (await busy.readHead()).toString();
    expect(answer).toMatch(/^HTTP\/1\.1 201 /);
    await busy.readToEnd();
    busy.destroy();
    idle.destroy();
    const { exitCode, stdout, stderr } = await exited;
    expect([exitCode, stdout.split("\n").length, stderr.includes("unexpected")]).toEqual([0, 2, false]);
    expect([await visible(), await staged()]).toEqual([["it"], []]);
  });
});

test("a second signal ends serve at once, and the next start cleans up", async () => {
  const { port, child, exited, directory, staged } = await serve();
  const busy = await rawClient(port);
  await busy.write(head + chunk);
  await expect.poll(staged).toHaveLength(1);
  const idle = await rawClient(port);
  child.kill("SIGTERM");
  await idle.readToEnd();
  child.kill("SIGTERM");
  expect((await exited).exitCode).toBe(143);
  const restarted = await serve([], { directory });
  expect([await restarted.visible(), await restarted.staged()]).toEqual([[], []]);
});
