import { readFile, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { createServer } from "node:net";

import {
  certificate,
  listen,
  rawClient,
  rawServer,
  type RunningTrailsum,
  startTrailsum,
  trailsum,
} from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { fileOf } from "./support/content.ts";

const proxy = (args: readonly string[]): Promise<RunningTrailsum> =>
  startTrailsum(["proxy", "http://127.0.0.1:1", "--port", "0", "--workers", "2", "--quiet", ...args]);

/** Its workers, as far as the system says. */
async function workersOf({ child: { pid } }: RunningTrailsum): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return children
    .trim()
    .split(" ")
    .filter((child) => child !== "")
    .map(Number);
}

// A connection that was given to a worker just before it was killed is never answered.
const answers = ({ url }: RunningTrailsum): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(1_000), headers: { Connection: "close" } }).then(
    ({ status }) => status === 502,
    () => false,
  );

const answersOverTls = ({ url }: RunningTrailsum): Promise<unknown> =>
  new Promise((resolve) => {
    const asked = request(url, { rejectUnauthorized: false, agent: false, timeout: 1_000 }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked
      .on("timeout", () => asked.destroy())
      .on("error", resolve)
      .end();
  });

const portOf = ({ url }: RunningTrailsum): number => Number(new URL(url).port);

describe("proxy --workers 2 that cannot start ends as proxy does, and says why once:", () => {
  test("a port in use", async () => {
    const { port } = await listen(createServer());
    const args = ["proxy", "http://127.0.0.1:1", "--workers", "2", "--port", String(port)];
    const { exitCode, stdout, stderr } = await trailsum(args);
    expect([exitCode, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^trailsum: cannot listen on [^\n]+\n$/);
  });

  test("a certificate that cannot be used", async () => {
    const bad = await fileOf("no certificate");
    const tls = ["--tls-cert", bad, "--tls-key", bad];
    const { exitCode, stdout, stderr } = await trailsum(["proxy", "http://127.0.0.1:1", "--workers", "2", ...tls]);
    expect([exitCode, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^trailsum: \S+ and \S+ cannot be used: [^\n]+\n$/);
  });
});

describe.runIf(process.platform === "linux")("a worker that ends", () => {
  test("is replaced, and the port stays the same when all of them end", async () => {
    const running = await proxy([]);
    for (let round = 0; round < 2; round += 1) {
      const before = await workersOf(running);
      expect(before).toHaveLength(2);
      for (const worker of before) process.kill(worker, "SIGKILL");
      await expect.poll(() => answers(running)).toBe(true);
      await expect
        .poll(async () => (await workersOf(running)).filter((worker) => !before.includes(worker)).length)
        .toBe(2);
    }
    const { exitCode, stderr } = await running.stop();
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^(?:trailsum: worker \d+ ended \(SIGKILL\): starting another\n){2,4}$/);
  });

  test("is replaced as soon as a replacement can start", async () => {
    const { certFile, keyFile } = await (await certificate()).files();
    const good = await readFile(certFile);
    const running = await proxy(["--tls-cert", certFile, "--tls-key", keyFile]);
    const [first = 0, second = 0] = await workersOf(running);
    await writeFile(certFile, "no certificate");
    process.kill(first, "SIGKILL");
    await expect.poll(running.stderr).toContain("cannot be used");
    await writeFile(certFile, good);
    await expect.poll(async () => (await workersOf(running)).length).toBe(2);
    process.kill(second, "SIGKILL");
    await expect.poll(() => answersOverTls(running)).toBe(502);
    expect((await running.stop()).exitCode).toBe(0);
  });

  test("lets its requests finish when the terminal interrupts all processes at once", async () => {
    const asked = Promise.withResolvers<void>();
    const interrupted = Promise.withResolvers<void>();
    const origin = await rawServer(async (connection) => {
      if ((await connection.readHead()).toString().startsWith("GET /idle ")) {
        await connection.write("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
        return;
      }
      asked.resolve();
      await interrupted.promise;
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      await connection.readToEnd();
    });
    const running = await startTrailsum(["proxy", origin.origin, "--port", "0", "--workers", "2"]);
    // One for each worker, which closes it when it begins to stop.
    const idle = [await rawClient(portOf(running)), await rawClient(portOf(running))];
    for (const client of idle) {
      await client.write("GET /idle HTTP/1.1\r\nHost: test\r\n\r\n");
      await client.readHead();
    }
    const client = await rawClient(portOf(running));
    await client.write("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    await asked.promise;
    for (const pid of [...(await workersOf(running)), running.child.pid!]) process.kill(pid, "SIGINT");
    for (const connection of idle) await connection.readToEnd();
    interrupted.resolve();
    expect((await client.readToEnd()).toString()).toMatch(/ 200 OK[^]*ok$/);
    client.destroy();
    expect((await running.exited).exitCode).toBe(0);
  });
});

test("the workers have one name in Via, by which each recognises a loop", async () => {
  const running = await proxy([]);
  const names = new Set<string | undefined>();
  for (let turn = 0; turn < 10; turn += 1) {
    const { headers } = await fetch(running.url, { headers: { Connection: "close" } });
    names.add(headers.get("proxy-status")?.split(";")[0]);
  }
  expect([...names]).toEqual([expect.stringMatching(/^trailsum-\w+$/)]);
});
