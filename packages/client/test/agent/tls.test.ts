import { createServer } from "node:https";
import type { TLSSocket } from "node:tls";

import { certificate, type Listening, listen, rawServer } from "@trailsum/testkit";
import { interceptors, request } from "undici";
import { describe, expect, test } from "vitest";

import { agents, failure, trailerAgent } from "./side-by-side.ts";

/** An HTTPS server that answers with what it knows of the connection. */
async function tlsServer(options: { requestCert?: boolean; ca?: string } = {}): Promise<Listening> {
  const { key, cert } = await certificate();
  const server = createServer({ key, cert, rejectUnauthorized: false, ...options }, (incoming, response) => {
    const socket = incoming.socket as TLSSocket;
    const { subject } = socket.getPeerCertificate();
    const client = subject?.CN ?? null;
    response.end(JSON.stringify({ servername: socket.servername || null, client }));
  });
  return listen(server);
}

describe.each(agents)("%s over TLS", (_name, agent) => {
  test("trusts the authority that it is given", async () => {
    const server = await tlsServer();
    const { cert: ca } = await certificate();
    const { body } = await request(server.url, { dispatcher: agent({ connect: { ca } }) });
    expect(await body.json()).toMatchObject({ servername: null });
  });

  test("refuses an untrusted certificate", async () => {
    const server = await tlsServer();
    const dispatcher = agent();
    const code = /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN)$/;
    expect(await failure(request(server.url, { dispatcher }))).toMatch(code);
    expect(await failure(request(server.url, { dispatcher, method: "PUT", body: "x" }))).toMatch(code);
    await expect.poll(() => server.connections()).toBe(0);
  });

  test("accepts any certificate on request", async () => {
    const server = await tlsServer();
    const dispatcher = agent({ connect: { rejectUnauthorized: false } });
    expect((await request(server.url, { dispatcher })).statusCode).toBe(200);
  });

  test("refuses a certificate for another name", async () => {
    const server = await tlsServer();
    const { cert: ca } = await certificate();
    const dispatcher = agent({ connect: { ca, servername: "example.org" } });
    expect(await failure(request(server.url, { dispatcher }))).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
  });

  test("asks for the given name", async () => {
    const server = await tlsServer();
    const { cert: ca } = await certificate();
    const dispatcher = agent({ connect: { ca, servername: "localhost" } });
    const { body } = await request(server.url, { dispatcher });
    expect(await body.json()).toMatchObject({ servername: "localhost" });
  });

  test("asks for the name of the URL, on every connection", async () => {
    const server = await tlsServer();
    const { cert: ca } = await certificate();
    const dispatcher = agent({ connect: { ca } });
    for (let turn = 0; turn < 2; turn++) {
      const { body } = await request(`https://localhost:${server.port}`, { dispatcher, reset: true });
      expect(await body.json()).toMatchObject({ servername: "localhost" });
    }
  });

  test("shows its own certificate when it is asked", async () => {
    const own = await certificate();
    const server = await tlsServer({ requestCert: true, ca: own.cert });
    const dispatcher = agent({ connect: { ca: own.cert, cert: own.cert, key: own.key } });
    const { body } = await request(server.url, { dispatcher });
    expect(await body.json()).toMatchObject({ client: "localhost" });
  });

  test("gives up when the server does not answer the handshake in time", async () => {
    const mute = await rawServer(() => {});
    const dispatcher = agent({ connect: { timeout: 100 } });
    const origin = mute.origin.replace("http", "https");
    expect(await failure(request(origin, { dispatcher }))).toBe("UND_ERR_CONNECT_TIMEOUT");
    await expect.poll(() => mute.connections.every(({ ended }) => ended)).toBe(true);
  });

  test("fails when the server speaks no TLS", async () => {
    const plain = await rawServer((connection) => connection.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    const origin = plain.origin.replace("http", "https");
    expect(await failure(request(origin, { dispatcher: agent() }))).toMatch(/^(EPROTO|ERR_SSL_\w+)$/);
  });

  test("fails with options that cannot be used", async () => {
    const server = await tlsServer();
    const dispatcher = agent({ connect: { cert: "no certificate", key: "no key" } });
    expect(await failure(request(server.url, { dispatcher }))).toMatch(/^ERR_OSSL/);
    expect(server.connections()).toBe(0);
  });

  test("finds its way through the dns interceptor, which connects to the address and asks for the name", async () => {
    const server = await tlsServer();
    const { cert: ca } = await certificate();
    const lookup = (_origin: URL, _options: object, done: (error: null, found: Address[]) => void): void =>
      done(null, [{ address: "127.0.0.1", family: 4, ttl: 1_000 }]);
    const dispatcher = agent({ connect: { ca } }).compose(interceptors.dns({ lookup, dualStack: false }));
    const { body } = await request(`https://localhost:${server.port}`, { dispatcher });
    expect(await body.json()).toMatchObject({ servername: "localhost" });
    const other = request(`https://example.org:${server.port}`, { dispatcher });
    expect(await failure(other)).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
  });
});

interface Address {
  readonly address: string;
  readonly family: 4;
  readonly ttl: number;
}

describe("TrailerAgent, other than undici,", () => {
  test("checks the certificate against the URL's host, and not against a Host field that may be a stranger's", async () => {
    const server = await tlsServer();
    const { cert: ca } = await certificate();
    const headers = { host: "example.org" };
    const { body } = await request(server.url, { dispatcher: trailerAgent({ connect: { ca } }), headers });
    expect(await body.json()).toMatchObject({ servername: null });
    const undici = agents[0]![1]({ connect: { ca } });
    expect(await failure(request(server.url, { dispatcher: undici, headers }))).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
  });
});
