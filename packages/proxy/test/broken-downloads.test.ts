import { type RawConnection, rawClient, rawServer, httpServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { ask, FRONTS } from "./peers.ts";

const CHUNKED =
  "HTTP/1.1 200 OK\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n" +
  "5\r\nhello\r\n6\r\n world\r\n0\r\nX-T: one\r\n\r\n";
const LENGTH = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world";
const GET = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

const ENDINGS: readonly (readonly [how: string, end: (connection: RawConnection) => void])[] = [
  ["ends its connection", (connection) => connection.end()],
  ["resets its connection", (connection) => connection.reset()],
];

describe.each(FRONTS)("a proxy %s:", (_front, proxyServer) => {
  describe.each([
    ["chunked, with a trailer", CHUNKED],
    ["of a known length", LENGTH],
  ])("rules 37 to 39: an origin that answers, %s,", (_what, message) => {
    test.each(ENDINGS)("and %s at any byte: the client never sees a whole message", async (_how, end) => {
      const head = message.indexOf("\r\n\r\n") + 4;
      let cut = 0;
      const origin = await rawServer(async (connection) => {
        await connection.readHead();
        if (cut > 0) await connection.write(message.slice(0, cut));
        end(connection);
        await connection.readToEnd().catch(() => {});
      });
      const { port, records } = await proxyServer({ target: origin.origin });
      let turns = 0;
      for (cut = 0; cut < message.length; cut += cut < head - 1 ? 9 : 1) {
        turns += 1;
        const got = await ask(port, GET);
        const outcome = [got.startLine.slice(9, 12), got.complete];
        const begun = cut >= head && outcome[0] === "200";
        expect(outcome, `cut at ${cut}`).toEqual(begun ? ["200", false] : ["502", true]);
      }
      await expect.poll(() => records.length).toBe(turns);
      expect([...new Set(records.map(({ error }) => error?.code))]).toEqual(["CONNECTION_LOST"]);
    });
  });

  const BROKEN: readonly (readonly [what: string, answer: string])[] = [
    ["an invalid chunk size", CHUNKED.replace("6\r\n", "zz\r\n")],
    ["a line in the trailers that is not a field", CHUNKED.replace("X-T: one", "no field")],
    ["a bare LF in the trailers", CHUNKED.replace("one\r\n", "one\n")],
    ["a folded trailer", CHUNKED.replace("one", "one\r\n two")],
    ["Content-Length for a trailer", CHUNKED.replace("X-T: one", "Content-Length: 3")],
    ["a trailer section that is too large", CHUNKED.replace("one", "x".repeat(20_000))],
    ["too many trailers", CHUNKED.replace("X-T: one\r\n", "X-T: one\r\n".repeat(200))],
    ["a NUL in a trailer", CHUNKED.replace("one", "o\0e")],
  ];

  describe.each(BROKEN)("rule 38: an origin that sends %s", (_what, answer) => {
    test("aborts the client's response, which never gets an end", async () => {
      const origin = await rawServer(async (connection) => {
        await connection.readHead();
        await connection.write(answer);
        await connection.closed;
      });
      const { port, records } = await proxyServer({ target: origin.origin });
      const client = await rawClient(port);
      await client.write(GET);
      const got = (await client.readToEnd()).toString();
      expect(got).not.toMatch(/\r\n0\r\n/);
      expect(got).toMatch(/^(HTTP\/1\.1 (200|502) |$)/);
      await expect.poll(() => records.map(({ error }) => error !== undefined)).toEqual([true]);
    });

    test("has a client of HTTP/1.0 reset, to whom an end would look like success", async () => {
      const origin = await rawServer(async (connection) => {
        await connection.readHead();
        const begin = answer.indexOf("5\r\nhello\r\n") + 10;
        await connection.write(answer.slice(0, begin));
        await seen.promise;
        await connection.write(answer.slice(begin));
        await connection.closed;
      });
      const seen = Promise.withResolvers<void>();
      const { port } = await proxyServer({ target: origin.origin });
      const client = await rawClient(port);
      await client.write("GET / HTTP/1.0\r\n\r\n");
      await client.readUntil("hello");
      seen.resolve();
      await client.readToEnd();
      expect(client.error).toMatchObject({ code: "ECONNRESET" });
    });
  });

  test("the limits of trailers are those of the proxy, where the origin's connection would take more", async () => {
    const origin = await httpServer((_req, res) => {
      res.write("hello");
      res.addTrailers([
        ["X-A", "1"],
        ["X-B", "2"],
      ]);
      res.end();
    });
    const { port, records } = await proxyServer({ target: origin.origin, maxTrailerFields: 1 });
    const got = await ask(port, GET);
    expect(got.complete).toBe(false);
    await expect.poll(() => records.map(({ error }) => error?.code)).toEqual(["TRAILERS_TOO_LARGE"]);
  });

  test("rule 72: the next request gets a connection to the origin that nothing is left on", async () => {
    const origin = await rawServer(async (connection, index) => {
      await connection.readHead();
      await connection.write(index === 0 ? CHUNKED.replace("6\r\n", "zz\r\n") : LENGTH);
      await connection.readToEnd();
    });
    const { port } = await proxyServer({ target: origin.origin });
    expect((await ask(port, GET)).complete).not.toBe(undefined);
    expect((await ask(port, GET)).body.toString()).toBe("hello world");
    expect(origin.connections.length).toBe(2);
  });
});
