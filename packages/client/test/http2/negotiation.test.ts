import { createServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { createSecureServer } from "node:http2";
import type { TLSSocket } from "node:tls";

import { certificate, type Listening, listen, rawHttp2Server, rawServer } from "@trailsum/testkit";
import { request } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";

import { TrailerAgent, type TrailerAgentOptions } from "../../src/index.ts";
import { http2Agent, send } from "./exchanging.ts";

async function secureAgent(options: TrailerAgentOptions = {}): Promise<TrailerAgent> {
  const { cert: ca } = await certificate();
  const agent = new TrailerAgent({ connect: { ca }, ...options });
  onTestFinished(() => agent.destroy());
  return agent;
}

/** A server of both versions that answers with the version, and counts the handshakes. */
async function bothServer(allowHTTP1: boolean): Promise<Listening & { readonly handshakes: () => number }> {
  const { key, cert } = await certificate();
  let handshakes = 0;
  const server = createSecureServer({ key, cert, allowHTTP1 }, (incoming, response) => {
    response.end(incoming.httpVersion);
  });
  server.on("secureConnection", () => (handshakes += 1));
  return { ...(await listen(server)), handshakes: () => handshakes };
}

/** A server of HTTP/1.1 that answers with what ALPN came to. */
async function oldServer(ALPNProtocols?: string[]): Promise<Listening & { readonly handshakes: () => number }> {
  const { key, cert } = await certificate();
  let handshakes = 0;
  const server = createHttpsServer({ key, cert, ...(ALPNProtocols && { ALPNProtocols }) }, (incoming, response) => {
    setTimeout(() => response.end(String((incoming.socket as TLSSocket).alpnProtocol)), 20);
  });
  server.on("secureConnection", () => (handshakes += 1));
  return { ...(await listen(server)), handshakes: () => handshakes };
}

async function texts(agent: TrailerAgent, url: URL, count: number): Promise<string[]> {
  const all = Array.from({ length: count }, async () => (await request(url, { dispatcher: agent })).body.text());
  return Promise.all(all);
}

describe("over TLS", () => {
  test("a server of both chooses HTTP/2, and one connection carries everything that was asked at once", async () => {
    const server = await bothServer(true);
    const agent = await secureAgent();
    expect(await texts(agent, server.url, 20)).toEqual(Array(20).fill("2.0"));
    expect(server.handshakes()).toBe(1);
  });

  test("a server of HTTP/1.1 gets a connection for each request, after the first one has found out", async () => {
    const server = await oldServer();
    const agent = await secureAgent();
    expect(await texts(agent, server.url, 5)).toEqual(Array(5).fill("http/1.1"));
    expect(server.handshakes()).toBe(5);
    const limited = await secureAgent({ connections: 2 });
    expect(await texts(limited, server.url, 5)).toEqual(Array(5).fill("http/1.1"));
    expect(server.handshakes()).toBe(7);
  });

  test("a server that knows nothing of ALPN speaks HTTP/1.1", async () => {
    const { key, cert } = await certificate();
    const server = await rawServer(
      async (connection) => {
        await connection.readHead();
        await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
      },
      { tls: { key, cert } },
    );
    expect(await texts(await secureAgent(), new URL(server.origin), 1)).toEqual(["hi"]);
  });

  test("HTTP/2 is not offered where it is not allowed", async () => {
    const server = await bothServer(true);
    expect(await texts(await secureAgent({ allowH2: false }), server.url, 2)).toEqual(["1.1", "1.1"]);
    const only = await bothServer(false);
    const failed = request(only.url, { dispatcher: await secureAgent({ allowH2: false }) });
    await expect(failed).rejects.toMatchObject({ code: "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL" });
  });

  test("what no one can connect to fails everything that waits for it", async () => {
    const agent = await secureAgent({ connect: {} });
    const server = await bothServer(true);
    const all = await Promise.allSettled(Array.from({ length: 5 }, () => request(server.url, { dispatcher: agent })));
    for (const { reason } of all as PromiseRejectedResult[])
      expect(reason).toMatchObject({ code: expect.stringMatching(/SELF_SIGNED/) as string });
  });

  test("a request that is aborted before the connection stands is never sent, and others are", async () => {
    const server = await bothServer(true);
    const agent = await secureAgent();
    const [aborted, other] = [send(agent, server), send(agent, server)];
    aborted.controller.abort(new Error("enough"));
    expect((await aborted.ended).error).toMatchObject({ message: "enough" });
    expect((await other.ended).content).toBe("2.0");
  });

  test("agent.close waits for what is under way", async () => {
    const server = await bothServer(true);
    const agent = await secureAgent();
    const sent = [send(agent, server), send(agent, server)];
    await agent.close();
    for (const { reported } of sent) expect(reported.content).toBe("2.0");
    await expect.poll(() => server.connections()).toBe(0);
  });

  test("a name asked for is the name that is checked, and the server's field", async () => {
    const server = await bothServer(true);
    const agent = await secureAgent();
    const { body } = await request(`https://localhost:${server.port}`, { dispatcher: agent });
    expect(await body.text()).toBe("2.0");
  });
});

describe("without TLS", () => {
  test("HTTP/2 is spoken by prior knowledge, when that is asked for, from the first byte", async () => {
    const server = await rawHttp2Server(async (peer) => {
      await (await peer.accept()).headers([[":status", "204"]], { endStream: true });
    });
    const agent = http2Agent();
    expect((await send(agent, server).ended).status).toBe(204);
    const start = server.connections[0]!.received.subarray(0, 24).toString("latin1");
    expect(start).toBe("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  });

  test("HTTP/1.1 is spoken otherwise", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write("HTTP/1.1 204 No Content\r\n\r\n");
    });
    const agent = http2Agent({ useH2c: false });
    expect((await send(agent, server).ended).status).toBe(204);
    expect(server.connections[0]!.received.toString("latin1")).toMatch(/^GET \/ HTTP\/1\.1\r\n/);
  });

  test("a server of HTTP/1.1 that is spoken to in HTTP/2 fails the exchange", async () => {
    const server = await listen(createServer((_incoming, response) => response.end("hi")));
    const { error } = await send(http2Agent(), server).ended;
    expect(error?.code).toMatch(/^(?:HPE_HTTP2_PROTOCOL_ERROR|UND_ERR_SOCKET|ECONNRESET)$/);
  });
});

test.each([
  { allowH2: "yes" },
  { useH2c: 1 },
  { maxConcurrentStreams: 0 },
  { maxConcurrentStreams: 1.5 },
  { initialWindowSize: 0 },
  { initialWindowSize: 2 ** 31 },
  { connectionWindowSize: -1 },
  { pingInterval: -1 },
  { pingTimeout: Number.NaN },
])("invalid options are refused: %o", (options) => {
  expect(() => new TrailerAgent(options as TrailerAgentOptions)).toThrow(/^invalid /);
});
