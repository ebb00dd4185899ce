import { createServer } from "node:net";

import { listen, rawServer, httpServer } from "@trailsum/testkit";
import { request } from "undici";
import { describe, expect, test } from "vitest";

import { agents, failure, trailerAgent } from "./side-by-side.ts";

describe.each(agents)("%s fails a request", (_name, agent) => {
  test("when no one listens", async () => {
    const server = createServer();
    const { origin } = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    expect(await failure(request(origin, { dispatcher: agent() }))).toBe("ECONNREFUSED");
  });

  test("when the server closes without an answer", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      connection.end();
    });
    const dispatcher = agent();
    expect(await failure(request(server.origin, { dispatcher }))).toBe("UND_ERR_SOCKET");
    expect(await failure(request(server.origin, { dispatcher, method: "PUT", body: "x" }))).toBe("UND_ERR_SOCKET");
  });

  test("when the server closes in the middle of a head", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      connection.end("HTTP/1.1 200 OK\r\nContent-Le");
    });
    expect(await failure(request(server.origin, { dispatcher: agent() }))).toBe("UND_ERR_SOCKET");
  });

  test("when the server resets the connection", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      connection.reset();
    });
    expect(await failure(request(server.origin, { dispatcher: agent() }))).toBe("ECONNRESET");
  });

  test("when no head comes in time, by the request's or the agent's limit", async () => {
    const server = await httpServer(() => {});
    const options = { dispatcher: agent(), headersTimeout: 100 };
    expect(await failure(request(server.url, options))).toBe("UND_ERR_HEADERS_TIMEOUT");
    const impatient = agent({ headersTimeout: 100 });
    expect(await failure(request(server.url, { dispatcher: impatient }))).toBe("UND_ERR_HEADERS_TIMEOUT");
    await expect.poll(() => server.connections()).toBe(0);
  });

  test("when a body stops in the middle, by the request's or the agent's limit", async () => {
    const server = await httpServer((_request, response) => void response.write("some"));
    const one = await request(server.url, { dispatcher: agent(), bodyTimeout: 100 });
    expect(await failure(one.body.text())).toBe("UND_ERR_BODY_TIMEOUT");
    const other = await request(server.url, { dispatcher: agent({ bodyTimeout: 100 }) });
    expect(await failure(other.body.text())).toBe("UND_ERR_BODY_TIMEOUT");
    await expect.poll(() => server.connections()).toBe(0);
  });

  test("not when a body comes slowly, nor while no one reads it", async () => {
    const server = await httpServer(async (_request, response) => {
      for (let piece = 0; piece < 6; piece++) {
        response.write(Buffer.alloc(100_000));
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
      response.end();
    });
    const { body } = await request(server.url, { dispatcher: agent(), bodyTimeout: 300 });
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect((await body.bytes()).length).toBe(600_000);
  });

  test("not for want of time where there is no limit", async () => {
    const server = await httpServer((_request, response) => void setTimeout(() => response.end("late"), 150));
    const options = { dispatcher: agent({ headersTimeout: 50, bodyTimeout: 50 }), headersTimeout: 0, bodyTimeout: 0 };
    expect(await (await request(server.url, options)).body.text()).toBe("late");
  });

  test("when a Unix socket is not there, and reaches one that is", async () => {
    const missing = agent({ connect: { socketPath: "/nonexistent/trailsum.sock" } });
    expect(await failure(request("http://localhost", { dispatcher: missing }))).toBe("ENOENT");
  });
});

describe("TrailerAgent, other than undici,", () => {
  test.each([
    ["Content-Length", "Content-Length: 11\r\nConnection: close\r\n\r\nhello"],
    ["chunks", "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n"],
  ])(
    "has one code for every cut response, also where the end of the connection was announced: %s",
    async (_framing, text) => {
      // undici distinguishes these: UND_ERR_RES_CONTENT_LENGTH_MISMATCH and an HTTPParserError, which its retry gives up on.
      const server = await rawServer(async (connection) => {
        await connection.readHead();
        connection.end(`HTTP/1.1 200 OK\r\n${text}`);
      });
      const { body } = await request(server.origin, { dispatcher: trailerAgent() });
      expect(await failure(body.text())).toBe("UND_ERR_SOCKET");
    },
  );
});

test("TrailerAgent refuses a timeout that is not a time, of connecting too", () => {
  for (const timeout of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => trailerAgent({ connect: { timeout } })).toThrow("invalid connect.timeout");
    expect(() => trailerAgent({ headersTimeout: timeout })).toThrow("invalid headersTimeout");
  }
});
