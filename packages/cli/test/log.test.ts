import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Writable } from "node:stream";

import { type ExchangeRecord, TrailsumError, type Verdict } from "@trailsum/shared";
import { rawClient, rawServer, startTrailsum, tempDir } from "@trailsum/testkit";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { exchangeLine } from "../src/log/exchange-line.ts";
import { createLineBatch } from "../src/log/line-batch.ts";
import { visibleJson } from "../src/terminal/visible-text.ts";

const page = await readFile(new URL("../../../docs/observability.md", import.meta.url), "utf8");

/** A record of a request for this path. */
function record(target: string, more: Partial<ExchangeRecord> = {}): ExchangeRecord {
  return {
    by: "proxy",
    id: "id-1",
    time: new Date("2026-11-30T12:00:00.000Z"),
    remoteAddress: "127.0.0.1",
    method: "GET",
    target,
    httpVersion: "1.1",
    protocol: "http",
    traceparent: undefined,
    status: 200,
    received: 0,
    sent: 2,
    duration: 1.25,
    requestVerdict: undefined,
    responseVerdict: undefined,
    mode: undefined,
    origin: "http://127.0.0.1:9000",
    path: undefined,
    created: undefined,
    error: undefined,
    ...more,
  };
}

/** A stream that remembers what it was given, write by write. */
function stream(): { writes: string[]; target: Writable } {
  const writes: string[] = [];
  const target = new Writable({
    decodeStrings: false,
    write: (chunk: string, _encoding, done) => {
      writes.push(chunk);
      done();
    },
  });
  return { writes, target };
}

const line = (path: string): string =>
  `127.0.0.1 "GET ${path}" 200 1.3ms in=0 out=2 origin=http://127.0.0.1:9000 id=id-1\n`;

describe("a line of the log", () => {
  test("says who asked for what, what they got, how long it took and of which origin", () => {
    expect(exchangeLine(record("/path"))).toBe(line("/path"));
  });

  test("leaves out what is not known, and says why an exchange failed", () => {
    const lost = record("/", {
      remoteAddress: undefined,
      origin: undefined,
      status: undefined,
      error: new TrailsumError("ABORTED", "the client went away"),
    });
    expect(exchangeLine(lost)).toBe('- "GET /" - 1.3ms in=0 out=2 id=id-1 ABORTED "the client went away"\n');
  });

  test("says what was found about the content, and how its digests came", () => {
    const verdict = { name: "verified", algorithms: ["sha-256", "md5"] } as unknown as Verdict;
    const verified = record("/path", {
      requestVerdict: verdict,
      responseVerdict: { ...verdict, name: "missing" },
      mode: "trailers",
    });
    expect(exchangeLine(verified)).toContain(
      " request=verified response=missing algorithms=sha-256,md5 mode=trailers id=id-1\n",
    );
  });

  test("is one line, whatever a stranger sent", () => {
    const said = exchangeLine(record('/"\n127.0.0.1 "GET /forged" 200\u2028\u001b[2J'));
    expect(said.indexOf("\n")).toBe(said.length - 1);
    expect(said).toContain(String.raw`/\"\n127.0.0.1 \"GET /forged\" 200`);
    expect(said).not.toContain("\u001b");
  });
});

describe("a batch of lines", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("gathers lines, and writes them together after a moment", () => {
    const { writes, target } = stream();
    const log = createLineBatch(target);
    for (const path of ["/1", "/2", "/3"]) log.add(line(path));
    expect(writes).toEqual([]);
    vi.advanceTimersByTime(1_000);
    expect(writes).toEqual([line("/1") + line("/2") + line("/3")]);
    log.add(line("/4"));
    vi.advanceTimersByTime(1_000);
    expect(writes.slice(1)).toEqual([line("/4")]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("lets no line wait longer because others come", () => {
    const { writes, target } = stream();
    const log = createLineBatch(target);
    for (let at = 0; at < 100 && writes.length === 0; at += 1) {
      log.add(line(`/${at}`));
      vi.advanceTimersByTime(10);
    }
    expect(writes.join("")).toContain(line("/0"));
  });

  test("writes what waits with `flush`, once, and keeps no timer", () => {
    const { writes, target } = stream();
    const log = createLineBatch(target);
    log.flush();
    log.add(line("/1"));
    log.flush();
    log.flush();
    expect(writes).toEqual([line("/1")]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("does not wait where there is much", () => {
    const { writes, target } = stream();
    const log = createLineBatch(target);
    const count = 2_000;
    for (let at = 0; at < count; at += 1) log.add(line(`/${at}`));
    expect(writes.length).toBeGreaterThan(1);
    expect(writes.length).toBeLessThan(10);
    log.flush();
    expect(writes.join("")).toBe(Array.from({ length: count }, (_, at) => line(`/${at}`)).join(""));
  });
});

describe("a proxy that is stopped", () => {
  test("logs what it answers last", async () => {
    const asked = Promise.withResolvers<void>();
    const stopping = Promise.withResolvers<void>();
    const origin = await rawServer(async (connection) => {
      await connection.readHead();
      asked.resolve();
      await stopping.promise;
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      await connection.readToEnd();
    });
    const running = await startTrailsum(["proxy", origin.origin, "--port", "0", "--log", "text"]);
    const client = await rawClient(Number(new URL(running.url).port));
    await client.write("GET /last HTTP/1.1\r\nHost: a\r\n\r\n");
    await asked.promise;
    const stopped = running.stop();
    stopping.resolve();
    await client.readUntil("ok");
    client.end();
    const { exitCode, stderr } = await stopped;
    expect([exitCode, stderr]).toEqual([0, expect.stringMatching(/^127\.0\.0\.1 "GET \/last" 200 .*\n$/)]);
  });

  test("logs a tunnel that it ends", async () => {
    const origin = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
      await connection.readToEnd();
    });
    const running = await startTrailsum(["proxy", origin.origin, "--port", "0", "--log", "text"]);
    const client = await rawClient(Number(new URL(running.url).port));
    await client.write("GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    await client.readHead();
    const { exitCode, stderr } = await running.stop();
    expect([exitCode, stderr]).toEqual([0, expect.stringMatching(/^127\.0\.0\.1 "GET \/tunnel" 101 .*\n$/)]);
  });
});

/** The lines of a log, as objects. */
const objects = (stderr: string): Record<string, unknown>[] =>
  stderr
    .trim()
    .split("\n")
    .map((text) => JSON.parse(text) as Record<string, unknown>);

describe("a log that is not written to a terminal", () => {
  test("is JSON, one object for each request, with the members that the documentation lists and no secrets", async () => {
    const server = await startTrailsum(["serve", await tempDir(), "--port", "0", "--auth", "ann:secret"]);
    const proxy = await startTrailsum(["proxy", server.url, "--port", "0", "--verify", "observe"]);
    const headers = {
      Authorization: `Basic ${btoa("ann:secret")}`,
      Cookie: "session=secret",
      Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      "X-Request-Id": "mine",
    };
    const digest = `sha-256=:${createHash("sha256").update("body").digest("base64")}:`;
    await fetch(`${proxy.url}/it`, { method: "PUT", body: "body", headers: { ...headers, "Repr-Digest": digest } });
    await fetch(`${proxy.url}/it?token=secret`, { method: "DELETE", headers });
    const logs = [(await proxy.stop()).stderr, (await server.stop()).stderr];
    expect(logs.join("")).not.toMatch(/secret|YW5uOnNlY3JldA/);
    const common = { level: "info", msg: "exchange", id: "mine", traceparent: headers.Traceparent, httpVersion: "1.1" };
    for (const [by, log] of [
      ["proxy", logs[0]!],
      ["server", logs[1]!],
    ] as const) {
      const [put, remove] = objects(log).filter(({ level }) => level === "info");
      expect(put).toMatchObject({ ...common, by, method: "PUT", target: "/it", status: 201, received: 4 });
      expect(put).toMatchObject({ verdict: "verified", algorithms: ["sha-256"], mode: "header" });
      expect(remove).toMatchObject({ ...common, by, method: "DELETE", target: "/it?token=***", status: 400 });
      for (const object of [put!, remove!]) {
        expect(object).toMatchObject({ remoteAddress: "127.0.0.1", protocol: "http", pid: expect.any(Number) });
        expect(Date.parse(String(object["time"]))).toBeGreaterThanOrEqual(Date.parse(String(object["began"])));
        const undocumented = Object.keys(object).filter((member) => !page.includes(`\`${member}\``));
        expect(undocumented).toEqual([]);
      }
    }
    const [stored, refused] = objects(logs[1]!).filter(({ level }) => level === "info");
    expect(stored).toMatchObject({ path: "it", created: true });
    expect(refused).toMatchObject({ error: { code: "NOT_SUPPORTED", message: expect.any(String) } });
  });

  test("cannot be forged, and hides nothing", async () => {
    const server = await startTrailsum(["serve", await tempDir(), "--port", "0"]);
    const client = await rawClient(Number(new URL(server.url).port));
    await client.write("GET /a%E2%80%AEb%C2%9B2J HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    await client.readToEnd();
    const { stderr } = await server.stop();
    expect(stderr).toMatch(/^[ -~]+\n$/);
    expect(objects(stderr)).toHaveLength(1);
  });

  test.each([
    [["--log", "off"], /^$/],
    [["--quiet"], /^$/],
    [["--log", "text"], /^127\.0\.0\.1 "GET \/nothing" 404 /],
  ])("with %j has %s", async (flags, expected) => {
    const server = await startTrailsum(["serve", await tempDir(), "--port", "0", ...flags]);
    expect((await fetch(`${server.url}/nothing`)).status).toBe(404);
    expect((await server.stop()).stderr).toMatch(expected);
  });
});

test.each(["\n", "\u202e", "\u009b", "\u{e0041}", "é"])(
  "a line of JSON with %j is the same JSON when it is escaped",
  (text) => {
    const json = `${JSON.stringify({ text })}\n`;
    const escaped = visibleJson(json);
    expect(JSON.parse(escaped)).toEqual({ text });
    expect(escaped).toMatch(/^[ -~é]+\n$/);
  },
);
