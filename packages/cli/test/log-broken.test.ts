import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { createServer } from "node:net";

import { rawClient, type RunningTrailsum, spawnTrailsum, startTrailsum, tempDir } from "@trailsum/testkit";
import { describe, expect, onTestFinished, test } from "vitest";

import { serve } from "./support/serving.ts";
import { onTerminal, reasonWithoutTerminal } from "./support/terminal.ts";

/** A path that makes a long line of the log: few of them fill a pipe. */
const long = `/${"x".repeat(200)}`.repeat(20);

/** The status of each answer to so many requests, one after the other. */
async function statuses(port: number, count: number): Promise<Set<string>> {
  const seen = new Set<string>();
  const client = await rawClient(port);
  for (let at = 0; at < count; at += 1) {
    await client.write(`GET ${long} HTTP/1.1\r\nHost: test\r\n\r\n`);
    seen.add((await client.readHead()).toString().split(" ")[1]!);
    await client.readUntil("}");
  }
  client.destroy();
  return seen;
}

/** A proxy, and the server that it is in front of. */
async function both(): Promise<readonly RunningTrailsum[]> {
  const server = await serve();
  return [await startTrailsum(["proxy", server.url, "--port", "0"]), server];
}

const portOf = ({ url }: RunningTrailsum): number => Number(new URL(url).port);

describe("serve and proxy", () => {
  test("go on when the reader of their log is gone", async () => {
    for (const running of await both()) {
      running.child.stderr?.destroy();
      expect(await statuses(portOf(running), 20)).toEqual(new Set(["404"]));
      expect((await running.stop()).exitCode).toBe(0);
    }
  });

  test("go on when the reader of their log stalls, and end on a signal", async () => {
    for (const running of await both()) {
      running.child.stderr?.pause();
      expect(await statuses(portOf(running), 400)).toEqual(new Set(["404"]));
      running.child.kill("SIGTERM");
      // Not `exited`, which waits for the log to be read.
      expect(await once(running.child, "exit")).toEqual([0, null]);
    }
  });

  test("go on when neither their log nor their address can be written", async () => {
    const full = openSync("/dev/full", "w");
    onTestFinished(() => closeSync(full));
    for (const args of [
      ["serve", await tempDir()],
      ["proxy", "http://127.0.0.1:1"],
    ]) {
      const port = await freePort();
      const running = spawnTrailsum([...args, "--port", String(port)], { stdio: { stdout: full, stderr: full } });
      await expect.poll(() => rawClient(port).then((client) => client.destroy(), String)).toBe(undefined);
      for (let at = 0; at < 3; at += 1) {
        const client = await rawClient(port);
        await client.write("BREW / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        expect((await client.readToEnd()).toString()).toMatch(/^HTTP\/1\.1 \d/);
      }
      running.child.kill("SIGTERM");
      expect((await running.exited).exitCode).toBe(0);
    }
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

test.skipIf(reasonWithoutTerminal !== "")(
  `serve continues while its terminal is stopped${reasonWithoutTerminal}`,
  async () => {
    const { child } = onTerminal(["serve", await tempDir(), "--port", "0"], { unread: true });
    let said = "";
    while (!/listening on \S+\s/.test(said)) said += String((await once(child.stdout, "data"))[0]);
    child.stdout.pause();
    const port = Number(/:(\d+)\s/.exec(said)![1]);
    expect(await statuses(port, 400)).toEqual(new Set(["404"]));
  },
);

test("serve --quiet logs no refusals", async () => {
  const running = await serve(["--quiet"]);
  expect(await statuses(running.port, 1)).toEqual(new Set(["404"]));
  expect((await running.stop()).stderr).toBe("");
});

test("a path in the log cannot steer the terminal or change the direction of text", async () => {
  const running = await serve();
  const client = await rawClient(running.port);
  await client.write("GET /a%E2%80%AEgpj.exe%C2%9B2J HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
  await client.readToEnd();
  const { stderr } = await running.stop();
  expect(stderr).toMatch(/^127\.0\.0\.1 "GET [^\n]+\n$/);
  expect(stderr).not.toMatch(/[\u0080-\u009f\u202e]/);
});
