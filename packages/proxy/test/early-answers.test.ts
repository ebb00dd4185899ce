import { rawClient, rawServer, httpServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { ask, FRONTS, readMessage } from "./peers.ts";

const TOO_LARGE = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig";

/** An origin that refuses what is uploaded by its head, and reads it all the same. */
function refusing(): ReturnType<typeof rawServer> {
  return rawServer(async (connection) => {
    await connection.readHead();
    await connection.write(TOO_LARGE);
    await connection.readToEnd();
  });
}

describe.each(FRONTS)("a proxy %s:", (_front, proxyServer) => {
  describe("an origin that answers before the upload has ended", () => {
    test.each([
      ["and reads no more", "Connection: close\r\n"],
      ["and would go on reading", ""],
    ])("%s: its 413 is relayed at once, and the sending to it stops", async (_how, field) => {
      const origin = await rawServer(async (connection) => {
        await connection.readUntil("first");
        await connection.write(TOO_LARGE.replace("\r\n\r\n", `\r\n${field}\r\n`));
        expect((await connection.readToEnd()).toString()).not.toContain("last");
      });
      const { port, records } = await proxyServer({ target: origin.origin });
      const client = await rawClient(port);
      await client.write("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
      expect((await client.readUntil("big")).toString()).toContain("HTTP/1.1 413 Content Too Large\r\n");
      await origin.finished();
      await client.write("4\r\nlast\r\n0\r\n\r\n");
      await expect.poll(() => records.map(({ status, error }) => [status, error])).toEqual([[413, undefined]]);
    });

    test("leaves the client its connection, if it sends the rest of its content", async () => {
      const origin = await refusing();
      const { port } = await proxyServer({ target: origin.origin });
      const client = await rawClient(port);
      for (let turn = 0; turn < 2; turn += 1) {
        await client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n");
        await client.readUntil("big");
        await client.write(Buffer.alloc(200_000));
      }
      expect(origin.connections.length).toBe(2);
    });

    test("is heard by a client that never stops sending, who is cut off then", async () => {
      const origin = await refusing();
      const { port } = await proxyServer({ target: origin.origin });
      const client = await rawClient(port);
      await client.write("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
      const answer = client.readUntil("big");
      const chunk = Buffer.concat([Buffer.from("100000\r\n"), Buffer.alloc(0x100000), Buffer.from("\r\n")]);
      const sending = (async () => {
        for (let sent = 0; sent < 400; sent += 1) await client.write(chunk);
      })();
      await expect(sending).rejects.toThrow(/^write E|destroyed/);
      expect((await answer).toString()).toContain("HTTP/1.1 413 ");
    });

    test("with a 200 that has begun keeps reading: both directions run at once (rule 79)", async () => {
      const origin = await rawServer(async (connection) => {
        await connection.readHead();
        await connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (const word of ["one", "two", "end"]) {
          await connection.readUntil(word);
          await connection.write(`3\r\n${word.toUpperCase()}\r\n`);
        }
        await connection.readUntil("0\r\n\r\n");
        await connection.write("0\r\n\r\n");
      });
      const { port, records } = await proxyServer({ target: origin.origin });
      const client = await rawClient(port);
      await client.write("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
      await client.readHead();
      for (const word of ["one", "two", "end"]) {
        await client.write(`3\r\n${word}\r\n`);
        await client.readUntil(word.toUpperCase());
      }
      await client.write("0\r\n\r\n");
      await client.readUntil("0\r\n\r\n");
      await expect.poll(() => records.map(({ status, error }) => [status, error])).toEqual([[200, undefined]]);
    });
  });

  describe("rules 45 to 48: interim responses", () => {
    test("lose what was for the next hop, and a length", async () => {
      const origin = await rawServer(async (connection) => {
        await connection.readHead();
        await connection.write(
          "HTTP/1.1 103 Hints\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 1\r\nContent-Length: 3\r\nX-End: 2\r\n\r\n",
        );
        await connection.write("HTTP/1.1 199 Odd\r\nX-Odd: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      });
      const { port } = await proxyServer({ target: origin.origin });
      const client = await rawClient(port);
      await client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      expect((await client.readHead()).toString()).toBe("HTTP/1.1 103 Early Hints\r\nX-End: 2\r\n\r\n");
      expect((await client.readHead()).toString()).toBe("HTTP/1.1 199 \r\nX-Odd: 1\r\n\r\n");
      expect((await client.readHead()).toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    });

    test("are not for a client of HTTP/1.0", async () => {
      const origin = await httpServer((_req, res) => {
        res.writeProcessing();
        res.writeEarlyHints({ link: "</a>" });
        res.end("final");
      });
      const { port } = await proxyServer({ target: origin.origin });
      const client = await rawClient(port);
      await client.write("GET / HTTP/1.0\r\n\r\n");
      const received = (await client.readToEnd()).toString();
      expect(received).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(received.match(/HTTP\/1/g)?.length).toBe(1);
    });
  });

  const EXPECTING = "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";

  describe("a client that expects a 100", () => {
    test("gets it when the origin gives it, once, and the origin gets the expectation", async () => {
      const seen = Promise.withResolvers<void>();
      const give = Promise.withResolvers<void>();
      const origin = await rawServer(async (connection) => {
        expect((await connection.readHead()).toString()).toContain("Expect: 100-continue\r\n");
        seen.resolve();
        await give.promise;
        await connection.write("HTTP/1.1 100 Continue\r\n\r\n");
        await connection.readUntil("body");
        await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      });
      const { port } = await proxyServer({ target: origin.origin, agent: { expectContinueTimeout: 0 } });
      const client = await rawClient(port);
      await client.write(EXPECTING);
      await seen.promise;
      expect(client.received.length).toBe(0);
      give.resolve();
      expect((await client.readHead()).toString()).toBe("HTTP/1.1 100 Continue\r\n\r\n");
      await client.write("body");
      expect((await client.readHead()).toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    });

    test.each([
      "Expect: 100-Continue, 100-continue",
      "Expect: 100-continue\r\nExpect: 100-continue",
      "Expect: ,100-continue ,",
    ])("may say so in a list: %j", async (lines) => {
      const heads: string[] = [];
      const origin = await rawServer(async (connection) => {
        heads.push((await connection.readHead()).toString());
        await connection.write("HTTP/1.1 100 Continue\r\n\r\n");
        await connection.readUntil("body");
        await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      });
      const { port } = await proxyServer({ target: origin.origin });
      const client = await rawClient(port);
      await client.write(EXPECTING.replace("Expect: 100-continue", lines));
      expect((await client.readHead()).toString()).toBe("HTTP/1.1 100 Continue\r\n\r\n");
      await client.write("body");
      expect((await client.readHead()).toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(heads.join().match(/^expect: .*$/gim)).toEqual(["Expect: 100-continue"]);
    });

    test.each(["Expect: 100-continue, other", "Expect: other", "Expect: 100-continue\r\nExpect: other"])(
      "is answered with 417 where it expects anything else: %j",
      async (lines) => {
        const origin = await rawServer(() => {});
        const { port } = await proxyServer({ target: origin.origin });
        const { startLine } = await ask(port, EXPECTING.replace("Expect: 100-continue", lines));
        expect([startLine, origin.connections.length]).toEqual(["HTTP/1.1 417 Expectation Failed", 0]);
      },
    );

    test("gets it when its content is needed, from an origin that never gives one", async () => {
      const origin = await rawServer(async (connection) => {
        await readMessage(connection);
        await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      });
      const { port } = await proxyServer({ target: origin.origin, agent: { expectContinueTimeout: 20 } });
      const client = await rawClient(port);
      await client.write(EXPECTING);
      expect((await client.readHead()).toString()).toBe("HTTP/1.1 100 Continue\r\n\r\n");
      await client.write("body");
      expect((await client.readHead()).toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    });

    test.each(["417 Expectation Failed", "413 Content Too Large", "401 Unauthorized"])(
      "gets %s in its place, and sends nothing",
      async (status) => {
        const origin = await rawServer(async (connection) => {
          await connection.readHead();
          await connection.write(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);
          expect((await connection.readToEnd()).length).toBe(0);
        });
        const { port } = await proxyServer({ target: origin.origin });
        const client = await rawClient(port);
        await client.write(EXPECTING);
        expect((await client.readHead()).toString()).toMatch(new RegExp(`^HTTP/1\\.1 ${status}\r\n`));
        await origin.finished();
      },
    );

    test("gets 502 and no 100 where there is no origin", async () => {
      const { port } = await proxyServer({ target: "http://127.0.0.1:1" });
      const client = await rawClient(port);
      await client.write(EXPECTING);
      expect((await client.readHead()).toString()).toMatch(/^HTTP\/1\.1 502 /);
    });
  });
});
