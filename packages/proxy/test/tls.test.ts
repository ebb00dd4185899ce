import { certificate, rawClient, rawServer } from "@trailsum/testkit";
import { expect, onTestFinished, test } from "vitest";

import { createProxyServer, type ProxyServerOptions } from "../src/index.ts";
import { readMessage } from "./peers.ts";

/** A proxy server that speaks TLS, and a client of it. */
async function tlsProxy(options: ProxyServerOptions): Promise<Awaited<ReturnType<typeof rawClient>>> {
  const { cert, key } = await certificate();
  const server = createProxyServer({
    requestTrailers: "declared",
    listen: { port: 0 },
    tls: { cert, key },
    agent: { connect: { ca: cert } },
    ...options,
  });
  const { port } = await server.listen();
  onTestFinished(() => server.close({ graceMs: 0 }));
  return rawClient(port, { tls: { ca: cert } });
}

const tls = async (): Promise<{ tls: { cert: string; key: string } }> => {
  const { cert, key } = await certificate();
  return { tls: { cert, key } };
};

test("over TLS on both sides, trailers pass both ways", async () => {
  const origin = await rawServer(
    async (connection) => {
      const { body, trailerLines } = await readMessage(connection);
      expect([body.toString(), trailerLines]).toEqual(["body", ["X-T: 1"]]);
      await connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-U: 2\r\n\r\n");
    },
    await tls(),
  );
  const client = await tlsProxy({ target: origin.origin });
  await client.write(
    "POST / HTTP/1.1\r\nHost: a\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nX-T: 1\r\n\r\n",
  );
  expect((await readMessage(client)).trailerLines).toEqual(["X-U: 2"]);
});

test("over TLS on both sides, a tunnel carries bytes both ways, early ones too, and half an end", async () => {
  const origin = await rawServer(
    async (connection) => {
      await connection.readHead();
      await connection.write(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nearly",
      );
      expect((await connection.readToEnd()).toString()).toBe("mine, and more");
      connection.end(" and the end");
    },
    await tls(),
  );
  const client = await tlsProxy({ target: origin.origin });
  await client.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nmine");
  await client.readHead();
  client.end(", and more");
  expect((await client.readToEnd()).toString()).toBe("early and the end");
});

test("over TLS, an upload or download that is cut is seen to be cut", async () => {
  const origin = await rawServer(
    async (connection) => {
      await connection.readUntil("half");
      connection.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
      expect((await readMessage(connection)).complete).toBe(false);
    },
    await tls(),
  );
  const client = await tlsProxy({ target: origin.origin });
  await client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf");
  expect((await readMessage(client)).complete).toBe(false);
});

test("a client that disconnects without a handshake is released, and does not delay a stop", async () => {
  const server = createProxyServer({ target: "http://127.0.0.1:1", listen: { port: 0 }, ...(await tls()) });
  const { port } = await server.listen();
  const client = await rawClient(port);
  client.end();
  expect((await client.readToEnd()).length).toBe(0);
  await server.close();
});
