import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";

import { rawServer, spawnTrailsum, tempDir } from "@trailsum/testkit";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";
import { content, md5, sha256 } from "./support/content.ts";
import { serve, type Serving } from "./support/serving.ts";

const trailsum = commandProcess();

const run = promisify(execFile);
const md5sum = await run("md5sum", ["--version"]).then(
  () => true,
  () => false,
);

let serving: Serving;
let cwd: string;

beforeEach(async () => {
  serving = await serve();
  cwd = await tempDir();
  await writeFile(join(cwd, "it"), content);
});

describe("results", () => {
  test("of an upload that is answered 303 come with a warning unless a digest confirms it", async () => {
    const server = createServer((request, response) => {
      request.resume().on("end", () => {
        if (request.method === "PUT") response.writeHead(303, { Location: "/login?token=secret" }).end();
        else response.end("<h1>Please sign in</h1>");
      });
    }).listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const sent = await trailsum(["upload", "it", `http://127.0.0.1:${port}/it`, "--json"], { cwd });
    expect(sent.exitCode).toBe(0);
    expect(sent.stderr).toMatch(
      /^trailsum: warning: it: the server answered 303, and http:.*\/login\S* 200: no digest/,
    );
    expect(sent.stdout + sent.stderr).not.toContain("secret");
    expect(JSON.parse(sent.stdout)).toMatchObject({
      confirmedBy: "none",
      seeOther: expect.stringContaining("/login"),
    });
  });

  test.skipIf(!md5sum)(
    `are what md5sum -c checks, and sha256sum prints${md5sum ? "" : " (skipped: there is no md5sum here)"}`,
    async () => {
      const odd = "line\nbreak";
      await writeFile(join(cwd, odd), odd);
      const sent = await trailsum(["upload", "it", `${serving.url}/`], { cwd });
      const named = await trailsum(["upload", odd, `${serving.url}/odd`], { cwd });
      const received = await trailsum(["download", `${serving.url}/it`, "-o", "copy", "--digest", "md5"], { cwd });
      await writeFile(join(cwd, "sums"), sent.stdout + named.stdout + received.stdout);
      const { stdout } = await run("md5sum", ["-c", "sums"], { cwd });
      expect(
        stdout
          .trimEnd()
          .split("\n")
          .map((line) => line.split(": ").at(-1)),
      ).toEqual(["OK", "OK", "OK"]);
      const printed = await run("md5sum", ["it", odd, "copy"], { cwd });
      expect(sent.stdout + named.stdout + received.stdout).toBe(printed.stdout);

      const strong = await trailsum(["upload", "it", `${serving.url}/it`, "--no-md5"], { cwd });
      const fetched = await trailsum(["download", `${serving.url}/it`, "-o", "copy"], { cwd });
      expect(strong.stdout + fetched.stdout).toBe((await run("sha256sum", ["it", "copy"], { cwd })).stdout);
    },
  );

  test("as JSON are one object a line, and say what verified", async () => {
    const { url } = serving;
    const sent = await trailsum(["upload", "it", "absent", `${url}/`, "--json", "--digest", "sha-256, crc32c"], {
      cwd,
    });
    expect(sent.exitCode).toBe(5);
    const lines = sent.stdout
      .trimEnd()
      .split("\n")
      .map((line): unknown => JSON.parse(line));
    expect(lines).toHaveLength(2);
    expect(lines).toContainEqual({
      file: "it",
      url: `${url}/it`,
      status: 201,
      size: content.length,
      digests: { md5: md5(content), "sha-256": expect.stringMatching(/^[0-9a-f]{64}$/), crc32c: expect.any(String) },
      confirmedBy: "server",
      delivery: { mode: "trailers", reason: "nothing is known against trailers on this path", attempts: 1 },
    });
    expect(lines).toContainEqual({
      file: "absent",
      error: { code: "FILE_UNREADABLE", message: "cannot read absent: no such file" },
    });

    const received = await trailsum(["download", `${url}/it`, "--json", "-o", "copy"], { cwd });
    expect(JSON.parse(received.stdout)).toMatchObject({
      url: `${url}/it`,
      file: "copy",
      status: 200,
      size: content.length,
      digests: { "sha-256": sha256(content) },
      verdict: "verified",
      verifiedBy: ["Size", "Content-Digest", "Repr-Digest", "Unencoded-Digest"],
      algorithms: ["sha-256"],
    });
  });

  test("never hold a value of the query of a URL", async () => {
    const { url } = serving;
    await trailsum(["upload", "it", `${url}/it`], { cwd });
    const results = await Promise.all([
      trailsum(["download", `${url}/it?sig=secret`, "--json", "-o", "copy"], { cwd }),
      trailsum(["download", `${url}/absent?sig=secret`, "--json", "-o", "absent"], { cwd }),
      trailsum(["download", `${url}/?sig=secret`], { cwd }),
      trailsum(["upload", "it", `${url}/it?sig=secret`, "--json"], { cwd }),
      trailsum(["upload", "it", `ftp://host/it?sig=secret`], { cwd }),
      trailsum(["upload", "it", "it", `${url}/it?sig=secret`], { cwd }),
      trailsum(["upload", "it", "./it", `${url}/?sig=secret`], { cwd }),
      trailsum(["upload", "-", `${url}/?sig=secret`], { cwd }),
    ]);
    expect(results.map(({ exitCode }) => exitCode)).toEqual([0, 4, 2, 4, 2, 2, 2, 2]);
    for (const { stdout, stderr } of results) expect(stdout + stderr).not.toContain("secret");
  });

  test("are left out with --quiet, and failures are not", async () => {
    const { url } = serving;
    const sent = await trailsum(["upload", "it", `${url}/it`, "--quiet"], { cwd });
    const received = await trailsum(["download", `${url}/it`, "-o", "copy", "--quiet"], { cwd });
    const nothing = await trailsum(["download", `${url}/nothing`, "--quiet"], { cwd });
    expect([sent.exitCode, sent.stdout, sent.stderr]).toEqual([0, "", ""]);
    expect([received.exitCode, received.stdout, received.stderr]).toEqual([0, "", ""]);
    expect([nothing.exitCode, nothing.stdout]).toEqual([4, ""]);
    expect(nothing.stderr).toMatch(/^trailsum: \S+: the server answered 404 Not Found: [^\n]+\n$/);
  });
});

test("results that cannot be written are an error, and a reader that is gone is not", async () => {
  const { url } = serving;
  const full = openSync("/dev/full", "w");
  onTestFinished(() => closeSync(full));
  for (const args of [
    ["upload", "it", `${url}/it`],
    ["download", `${url}/it`, "-o", "copy", "--json"],
  ]) {
    const { exitCode, stderr } = await trailsum(args, { cwd, stdio: { stdout: full } });
    expect([exitCode, stderr]).toEqual([5, expect.stringMatching(/^trailsum: cannot write the results: [^\n]+\n$/)]);
  }
  const { child, exited } = spawnTrailsum(["upload", "it", "it2", `${url}/`], { cwd });
  child.stdout?.destroy();
  await writeFile(join(cwd, "it2"), content);
  expect((await exited).exitCode).toBe(0);
  expect((await serving.visible()).toSorted()).toEqual(["it", "it2"]);
});

test("an upload whose results are not read ends on a signal", async () => {
  const { url, visible } = serving;
  const name = "x".repeat(250);
  await Promise.all(Array.from({ length: 2_000 }, (_, at) => writeFile(join(cwd, `${name}${at}`), "")));
  const { child } = spawnTrailsum(["upload", ".", `${url}/`, "--json"], { cwd });
  child.stdout?.pause();
  let before = -1;
  await expect
    .poll(async () => before === (before = (await visible()).length) && before > 0, { interval: 300 })
    .toBe(true);
  expect(before).toBeLessThan(2_000);
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([143, null]);
});

describe("a request", () => {
  test("is what -X, -H and --digest say", async () => {
    const heads: string[] = [];
    const server = await rawServer(async (connection) => {
      heads.push((await connection.readHead()).toString());
      await connection.readUntil("\r\n0\r\n");
      heads.push((await connection.readHead()).toString());
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    const flags = [
      "-X",
      "POST",
      "-H",
      "Authorization: Bearer x: y",
      "--header",
      "X-Empty:",
      "--digest",
      "sha-512,md5,sha",
    ];
    const { exitCode, stdout } = await trailsum(["upload", "it", `${server.origin}/it`, ...flags], { cwd });
    expect([exitCode, stdout]).toEqual([0, `${createHash("sha512").update(content).digest("hex")}  it\n`]);
    expect(heads[0]).toMatch(/^POST \/it HTTP\/1\.1\r\n/);
    expect(heads[0]).toMatch(/^Authorization: Bearer x: y\r$/m);
    expect(heads[0]).toMatch(/^X-Empty: ?\r$/m);
    expect(heads[1]).toMatch(/^Content-Digest: sha-512=:[^:]+:, md5=:[^:]+:, sha=:[^:]+:\r$/m);
  });

  test("uploads of one process share connections, and are at most --jobs at a time", async () => {
    let open = 0;
    let most = 0;
    const server = await rawServer(async (connection) => {
      // It is over when the client closes the connection.
      while ((await connection.readHead().catch(() => undefined)) !== undefined) {
        open += 1;
        most = Math.max(most, open);
        await connection.readUntil("\r\n0\r\n");
        await connection.readHead();
        open -= 1;
        await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      }
    });
    const files = Array.from({ length: 12 }, (_, index) => `file-${index}`);
    for (const name of files) await writeFile(join(cwd, name), name);
    const { exitCode } = await trailsum(["upload", ...files, `${server.origin}/`, "--jobs", "3"], { cwd });
    expect(exitCode).toBe(0);
    expect(most).toBeLessThanOrEqual(3);
    expect(server.connections.length).toBeLessThanOrEqual(3);
  });
});
