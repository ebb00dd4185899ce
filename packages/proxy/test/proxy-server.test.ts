import { once } from "node:events";
import { createServer } from "node:net";

import { certificate, listen, rawClient, rawServer, echoServer, httpServer, type SeenRequest } from "@trailsum/testkit";
import { request } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";

import { createProxyServer, type ProxyServer, type ProxyServerOptions } from "../src/index.ts";
import { ask, trailerAgent } from "./peers.ts";

/** A proxy server on a free port. */
async function started(options: ProxyServerOptions): Promise<{ server: ProxyServer; url: string; port: number }> {
  const server = createProxyServer({ listen: { port: 0 }, ...options });
  onTestFinished(() => server.close({ graceMs: 0 }));
  return { server, ...(await server.listen()) };
}

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

describe("a proxy server", () => {
  test("listens on 127.0.0.1 and says where", async () => {
    const origin = await echoServer();
    const { url, port } = await started({ target: origin.origin });
    expect(url).toBe(`http://127.0.0.1:${port}`);
    expect((await ask(port, GET)).startLine).toBe("HTTP/1.1 200 OK");
  });

  test.each([
    ["a port in use", async () => ({ listen: { port: (await listen(createServer())).port } })],
    ["an invalid certificate", () => Promise.resolve({ tls: { cert: "none", key: "none" } })],
    ["an address that is not here", () => Promise.resolve({ listen: { host: "203.0.113.1", port: 0 } })],
  ])("refuses %s", async (_what, options) => {
    const server = createProxyServer({ target: "http://127.0.0.1:1", ...(await options()) });
    await expect(server.listen()).rejects.toMatchObject({ code: "USAGE" });
    await server.close();
  });

  test("that was never started, or is closed already, closes", async () => {
    const { server } = await started({ target: "http://127.0.0.1:1" });
    await Promise.all([server.close(), server.close()]);
    await expect(server.close()).resolves.toBeUndefined();
    await expect(createProxyServer({ target: "http://127.0.0.1:1" }).close()).resolves.toBeUndefined();
  });

  test("rule 16: over TLS, the origin is informed of the scheme", async () => {
    const { cert, key } = await certificate();
    const origin = await echoServer();
    const { url } = await started({ target: origin.origin, tls: { cert, key } });
    const { body } = await request(url, { dispatcher: trailerAgent({ connect: { ca: cert } }) });
    const { headers } = (await body.json()) as SeenRequest;
    expect(url).toMatch(/^https:/);
    expect(headers["x-forwarded-proto"]).toBe("https");
  });

  test("takes an upgrade to h2c, and one that has content, for requests like any other", async () => {
    const origin = await echoServer();
    const { port } = await started({ target: origin.origin });
    for (const protocol of ["h2c", "websocket"]) {
      const message = await ask(
        port,
        `POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade, http2-settings\r\nUpgrade: ${protocol}\r\n` +
          "HTTP2-Settings: x\r\nContent-Length: 4\r\n\r\nbody",
      );
      const { headers, body } = JSON.parse(message.body.toString()) as SeenRequest;
      expect(body).toBe("body");
      expect(headers).not.toHaveProperty("upgrade");
      expect(headers).not.toHaveProperty("http2-settings");
      expect(message.fieldLines).toContain("Connection: keep-alive");
    }
  });
});

describe("a proxy server that is closed", () => {
  test("closes idle connections at once, of clients and to origins", async () => {
    const origin = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write(OK);
    });
    const { server, port } = await started({ target: origin.origin });
    const [used, unused] = [await rawClient(port), await rawClient(port)];
    await used.write(GET);
    await used.readUntil("ok");
    await server.close();
    await Promise.all([used.readToEnd(), unused.readToEnd(), origin.connections[0]!.readToEnd()]);
    await expect(rawClient(port)).rejects.toThrow("ECONNREFUSED");
  });

  test("lets a running transfer finish, whose client reads slowly and has all of it still to read", async () => {
    const size = 8 * 1_048_576;
    const origin = await httpServer((_request, response) => void response.end(Buffer.alloc(size, "x")));
    const { server, port } = await started({ target: origin.origin });
    const client = await rawClient(port);
    await client.write(GET);
    await client.readHead();
    client.socket.pause();
    const closed = server.close();
    client.socket.resume();
    expect((await client.readToEnd()).length).toBe(size);
    client.end();
    await closed;
  });

  test("lets an answer be sent to its end that has been given as a whole, and waits in the buffers of the client", async () => {
    const size = 16 * 1_048_576;
    const given = Promise.withResolvers<void>();
    const { server, port } = await started({
      target: "http://127.0.0.1:1",
      errorHandler: () => {
        given.resolve();
        return { status: 502, content: Buffer.alloc(size, "x") };
      },
    });
    const client = await rawClient(port);
    client.socket.pause();
    await client.write(GET);
    await given.promise;
    const closed = server.close();
    client.socket.resume();
    await client.readHead();
    expect((await client.readToEnd()).length).toBe(size);
    client.end();
    await closed;
  });

  test("lets a running exchange finish, and says that the connection ends", async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    const origin = await httpServer(async (_request, response) => {
      asked.resolve();
      await answer.promise;
      response.end("done");
    });
    const { server, port } = await started({ target: origin.origin });
    const client = await rawClient(port);
    await client.write(GET);
    await asked.promise;
    const closed = server.close();
    answer.resolve();
    expect((await client.readToEnd()).toString()).toMatch(/done$/);
    client.end();
    await closed;
  });

  test("ends tunnels at once, and both their ends", async () => {
    const origin = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
      await connection.readToEnd();
    });
    const { server, port } = await started({ target: origin.origin });
    const client = await rawClient(port);
    await client.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    await client.readHead();
    await server.close();
    expect((await client.readToEnd()).length).toBe(0);
    await origin.finished();
  });

  test("aborts what outlives its time, on both sides", async () => {
    const origin = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegin");
      await connection.readToEnd();
    });
    const { server, port } = await started({ target: origin.origin });
    const client = await rawClient(port);
    await client.write(GET);
    await client.readUntil("begin");
    await server.close({ graceMs: 10 });
    expect((await client.readToEnd()).toString()).toBe("");
    await origin.finished();
  });
});

describe("an origin that speaks TLS", () => {
  test("with an untrusted certificate is refused: 502", async () => {
    const { cert, key } = await certificate();
    const origin = await rawServer(() => {}, { tls: { cert, key } });
    const { port } = await started({ target: origin.origin });
    expect((await ask(port, GET)).startLine).toBe("HTTP/1.1 502 Bad Gateway");
    expect(origin.connections.map(({ received }) => received.length)).toEqual([]);
  });

  test("is reached where agent.connect.ca vouches for it", async () => {
    const { cert, key } = await certificate();
    const origin = await rawServer(
      async (connection) => {
        await connection.readHead();
        await connection.write(OK);
        await once(connection.socket, "close");
      },
      { tls: { cert, key } },
    );
    const { server, port } = await started({ target: origin.origin, agent: { connect: { ca: cert } } });
    expect((await ask(port, GET)).body.toString()).toBe("ok");
    await server.close();
  });
});
