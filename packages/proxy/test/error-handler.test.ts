import { FieldLines } from "@trailsum/shared";
import { rawClient, rawServer, httpServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { ask, FRONTS } from "./peers.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const NOWHERE = "http://127.0.0.1:1";

describe.each(FRONTS)("a proxy %s:", (_front, proxyServer) => {
  describe("an errorHandler", () => {
    test("may take its time", async () => {
      const { port, records } = await proxyServer({
        target: NOWHERE,
        errorHandler: async ({ code }) => {
          await Promise.resolve();
          return { status: 503, header: FieldLines.from([["X-Error", code]]), content: "later" };
        },
      });
      const message = await ask(port, GET);
      expect(message.startLine).toContain(" 503 ");
      expect(message.fieldLines).toContain("X-Error: CONNECT_FAILED");
      await expect.poll(() => records.map(({ status }) => status)).toEqual([503]);
    });

    test("that gives a Content-Length of its own does not make it two", async () => {
      const header = FieldLines.from([["content-length", "3"]]);
      const { port } = await proxyServer({
        target: NOWHERE,
        errorHandler: () => ({ status: 503, header, content: "later" }),
      });
      const message = await ask(port, GET);
      expect(message.fieldLines.filter((line) => /^content-length:/i.test(line))).toEqual(["Content-Length: 5"]);
      expect(message.body.toString()).toBe("later");
    });

    test.each([
      [
        "throws",
        (): never => {
          throw new Error("no");
        },
      ],
      ["rejects", (): Promise<never> => Promise.reject(new Error("no"))],
      ["gives a head that cannot be sent", () => ({ status: 503, header: FieldLines.from([["X", "a\r\nb"]]) })],
    ])(
      "that %s has the connection closed without an answer, and the next request served",
      async (_how, errorHandler) => {
        const { port, records } = await proxyServer({ target: NOWHERE, errorHandler });
        for (let turn = 1; turn < 3; turn += 1) {
          const client = await rawClient(port);
          await client.write(GET);
          expect((await client.readToEnd()).toString()).toBe("");
          await expect.poll(() => records.length).toBe(turn);
        }
        expect(records[0]).toMatchObject({ status: undefined, error: { code: "CONNECT_FAILED" } });
      },
    );

    test("is not asked once the response has begun, nor for a client that is gone", async () => {
      const origin = await rawServer(async (connection) => {
        if ((await connection.readHead()).toString().startsWith("GET /begins")) {
          await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegin");
          connection.destroy();
        } else {
          client.destroy();
          await connection.readToEnd();
        }
      });
      const { port, records } = await proxyServer({
        target: origin.origin,
        errorHandler: () => expect.unreachable("no one can be answered"),
      });
      const client = await rawClient(port);
      expect((await ask(port, GET.replace("/", "/begins"))).complete).toBe(false);
      await client.write(GET);
      await expect
        .poll(() => records.map(({ status, error }) => [status, error?.code]))
        .toEqual([
          [200, "CONNECTION_LOST"],
          [undefined, "ABORTED"],
        ]);
    });
  });

  describe("rule 33, G16: by default a client receives", () => {
    test("504 of an origin that takes too long, before its head", async () => {
      const origin = await rawServer(async (connection) => void (await connection.readToEnd()));
      const { port, records } = await proxyServer({ target: origin.origin, agent: { headersTimeout: 20 } });
      const message = await ask(port, GET);
      expect(message.startLine).toBe("HTTP/1.1 504 Gateway Timeout");
      expect(JSON.parse(message.body.toString())).toMatchObject({ status: 504 });
      await expect.poll(() => records[0]?.error?.code).toBe("TIMEOUT");
    });

    test.each([
      ["no HTTP", "SSH-2.0-server\r\n"],
      ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"],
      ["an unsolicited upgrade", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"],
      ["a head that is too large", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(20_000)}\r\n\r\n`],
      ["nothing at all", ""],
    ])("502 of an origin that answers %s, and nothing of what it said", async (_what, answer) => {
      const origin = await rawServer(async (connection) => {
        await connection.readHead();
        connection.end(answer);
        await connection.readToEnd();
      });
      const { port } = await proxyServer({ target: origin.origin });
      const message = await ask(port, GET);
      expect(message.startLine).toBe("HTTP/1.1 502 Bad Gateway");
      expect(message.body.toString()).not.toContain(origin.origin);
      expect(message.fieldLines).toContain("Connection: keep-alive");
    });

    test("by a status alone, for HEAD", async () => {
      const { port } = await proxyServer({ target: NOWHERE });
      const message = await ask(port, GET.replace("GET", "HEAD"));
      expect(message.startLine).toBe("HTTP/1.1 502 Bad Gateway");
      expect(message.rest.length).toBe(0);
    });

    test("and the connection serves the next request, the content of this one having been read", async () => {
      const origin = await httpServer((_req, res) => void res.end("ok"));
      const { port } = await proxyServer({
        target: NOWHERE,
        rewrite: ({ in: inbound, out }) => {
          if (inbound.target.path === "/there") out.origin = origin.origin;
        },
      });
      const client = await rawClient(port);
      await client.write(GET);
      await client.readUntil('"status":502');
      await client.write(GET.replace("/", "/there"));
      expect((await client.readUntil("ok")).toString()).toContain("HTTP/1.1 200 OK");
    });
  });
});
