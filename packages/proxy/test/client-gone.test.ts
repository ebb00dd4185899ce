import { type RawConnection, rawClient, rawServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import type { ReverseProxyOptions } from "../src/index.ts";
import { Transform } from "node:stream";
import { FRONTS, readMessage } from "./peers.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const HALF = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf";

interface Moment {
  readonly request: string;
  /** What the origin does before the client goes. */
  readonly before: (connection: RawConnection) => Promise<unknown>;
  /** What the client waits for before it goes. */
  readonly until: string;
  readonly status: number | undefined;
}

const MOMENTS: Readonly<Record<string, Moment>> = {
  "before any answer": { request: GET, before: (origin) => origin.readHead(), until: "", status: undefined },
  "in the middle of its upload": {
    request: HALF,
    before: (origin) => origin.readUntil("half"),
    until: "",
    status: undefined,
  },
  "after an interim response": {
    request: GET,
    before: async (origin) => {
      await origin.readHead();
      await origin.write("HTTP/1.1 103 Early Hints\r\n\r\n");
    },
    until: "\r\n\r\n",
    status: undefined,
  },
  "after the head": {
    request: GET,
    before: async (origin) => {
      await origin.readHead();
      await origin.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
    },
    until: "\r\n\r\n",
    status: 200,
  },
  "in the middle of its download": {
    request: GET,
    before: async (origin) => {
      await origin.readHead();
      await origin.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    },
    until: "hello",
    status: 200,
  },
  "while it uploads and downloads": {
    request: HALF,
    before: async (origin) => {
      await origin.readUntil("half");
      await origin.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    },
    until: "hello",
    status: 200,
  },
};

const OPTIONS: Readonly<Record<string, Partial<ReverseProxyOptions>>> = {
  "": {},
  ", verified on the way": { verify: "enforce" },
  ", changed on the way": {
    modifyResponse: (response) => {
      response.transform = new Transform({ transform: (piece, _encoding, done) => done(null, piece) });
    },
  },
};

const cases = Object.entries(MOMENTS).flatMap(([when, moment]) =>
  Object.entries(OPTIONS).map(([how, options]) => [`${when}${how}`, moment, options] as const),
);

describe.each(FRONTS)("a proxy %s:", (_front, proxyServer) => {
  describe("rule 9: a client that goes away has its request ended at the origin:", () => {
    test.each(cases)("%s", async (_when, { request, before, until, status }, options) => {
      const reached = Promise.withResolvers<void>();
      const origin = await rawServer(async (connection) => {
        await before(connection);
        reached.resolve();
        await connection.readToEnd();
      });
      const { port, records } = await proxyServer({ target: origin.origin, ...options });
      const client = await rawClient(port);
      await client.write(request);
      await reached.promise;
      await client.readUntil(until);
      client.reset();
      await origin.finished();
      await expect.poll(() => records.map((record) => record.status)).toEqual([status]);
      expect(["ABORTED", "CONNECTION_LOST"]).toContain(records[0]!.error?.code);
    });

    test("while it waits for an answer to a request that is after another", async () => {
      const origin = await rawServer(async (connection) => {
        await connection.readHead();
        await connection.readToEnd();
      });
      const { port, records } = await proxyServer({ target: origin.origin });
      const client = await rawClient(port);
      await client.write(GET + GET.replace("/", "/second") + GET.replace("/", "/third"));
      await expect.poll(() => origin.connections.length).toBe(1);
      client.reset();
      await origin.finished();
      await expect.poll(() => records.length).toBe(1);
      expect(origin.connections.length).toBe(1);
    });

    test("while a hook takes its time", async () => {
      const [hooked, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const origin = await rawServer(async (connection) => {
        await connection.readHead();
        await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel");
        await connection.readToEnd();
      });
      const { port, records } = await proxyServer({
        target: origin.origin,
        modifyResponse: () => {
          hooked.resolve();
          return goOn.promise;
        },
      });
      const client = await rawClient(port);
      await client.write(GET);
      await hooked.promise;
      client.reset();
      await origin.finished();
      goOn.resolve();
      await expect.poll(() => records.map(({ error }) => error?.code)).toEqual(["ABORTED"]);
    });

    test.each(Object.entries(OPTIONS))(
      "when the origin has sent all, and it has not read it%s",
      async (_how, options) => {
        const size = 32 * 1_048_576;
        const origin = await rawServer(async (connection) => {
          await connection.readHead();
          void connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
          await connection.write(Buffer.alloc(size)).catch(() => {});
          await connection.closed;
        });
        const { port, records } = await proxyServer({ target: origin.origin, ...options });
        const client = await rawClient(port);
        await client.write(GET);
        await client.readHead();
        client.socket.pause();
        client.reset();
        await expect.poll(() => records.map(({ status, error }) => [status, error?.code])).toEqual([[200, "ABORTED"]]);
        await origin.finished();
      },
    );
  });

  test("pipelined requests are answered in their order, and each in its turn", async () => {
    let running = 0;
    const origin = await rawServer(async (connection) => {
      for (;;) {
        const { startLine } = await readMessage(connection, { from: connection.received.length });
        running += 1;
        expect(running).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
        await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${startLine.length}\r\n\r\n${startLine}`);
      }
    });
    const { port } = await proxyServer({ target: origin.origin });
    const client = await rawClient(port);
    await client.write(["/one", "/two", "/three"].map((path) => GET.replace("/", path)).join(""));
    for (const path of ["/one", "/two", "/three"]) await client.readUntil(`GET ${path} HTTP/1.1`);
    expect(origin.connections.length).toBe(1);
  });
});
