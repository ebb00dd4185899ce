import { Writable } from "node:stream";

import { type ExchangeRecord, TrailsumError, type Verdict } from "@trailsum/shared";
import { rawClient, rawServer, startTrailsum } from "@trailsum/testkit";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { accessLine } from "../src/log/access-line.ts";
import { createAccessLog } from "../src/log/access-log.ts";

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
    expect(accessLine(record("/path"))).toBe(line("/path"));
  });

  test("leaves out what is not known, and says why an exchange failed", () => {
    const lost = record("/", {
      remoteAddress: undefined,
      origin: undefined,
      status: undefined,
      error: new TrailsumError("ABORTED", "the client went away"),
    });
    expect(accessLine(lost)).toBe('- "GET /" - 1.3ms in=0 out=2 id=id-1 ABORTED "the client went away"\n');
  });

  test("says what was found about the content, and how its digests came", () => {
    const verdict = { name: "verified", algorithms: ["sha-256", "md5"] } as unknown as Verdict;
    const verified = record("/path", {
      requestVerdict: verdict,
      responseVerdict: { ...verdict, name: "missing" },
      mode: "trailers",
    });
    expect(accessLine(verified)).toContain(
      " request=verified response=missing algorithms=sha-256,md5 mode=trailers id=id-1\n",
    );
  });

  test("is one line, whatever a stranger sent", () => {
    const said = accessLine(record('/"\n127.0.0.1 "GET /forged" 200\u2028\u001b[2J'));
    expect(said.indexOf("\n")).toBe(said.length - 1);
    expect(said).toContain(String.raw`/\"\n127.0.0.1 \"GET /forged\" 200`);
    expect(said).not.toContain("\u001b");
  });
});

describe("an access log", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("gathers lines, and writes them together after a moment", () => {
    const { writes, target } = stream();
    const log = createAccessLog(target);
    for (const path of ["/1", "/2", "/3"]) log.add(record(path));
    expect(writes).toEqual([]);
    vi.advanceTimersByTime(1_000);
    expect(writes).toEqual([line("/1") + line("/2") + line("/3")]);
    log.add(record("/4"));
    vi.advanceTimersByTime(1_000);
    expect(writes.slice(1)).toEqual([line("/4")]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("lets no line wait longer because others come", () => {
    const { writes, target } = stream();
    const log = createAccessLog(target);
    for (let at = 0; at < 100 && writes.length === 0; at += 1) {
      log.add(record(`/${at}`));
      vi.advanceTimersByTime(10);
    }
    expect(writes.join("")).toContain(line("/0"));
  });

  test("writes what waits with `flush`, once, and keeps no timer", () => {
    const { writes, target } = stream();
    const log = createAccessLog(target);
    log.flush();
    log.add(record("/1"));
    log.flush();
    log.flush();
    expect(writes).toEqual([line("/1")]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("does not wait where there is much", () => {
    const { writes, target } = stream();
    const log = createAccessLog(target);
    const count = 2_000;
    for (let at = 0; at < count; at += 1) log.add(record(`/${at}`));
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
    const running = await startTrailsum(["proxy", origin.origin, "--port", "0"]);
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
    const running = await startTrailsum(["proxy", origin.origin, "--port", "0"]);
    const client = await rawClient(Number(new URL(running.url).port));
    await client.write("GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    await client.readHead();
    const { exitCode, stderr } = await running.stop();
    expect([exitCode, stderr]).toEqual([0, expect.stringMatching(/^127\.0\.0\.1 "GET \/tunnel" 101 .*\n$/)]);
  });
});
