import {
  certificate,
  connectionPreface,
  type Http2Peer,
  rawClient,
  rawHttp2Client,
  rawServer,
  requestFields,
  settingsFrame,
  httpServer,
} from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { ask, type Proxied, proxyServer, readMessage } from "./peers.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** A proxy before an origin that answers everything. */
async function answering(tls?: { readonly cert: string; readonly key: string }): Promise<Proxied> {
  const origin = await httpServer((_request, response) => void response.end("ok"));
  return proxyServer({ target: origin.origin, tls });
}

/** Lets the other side read what was sent so far. */
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2));

/** What a request of HTTP/2 is answered. */
async function answer(peer: Http2Peer): Promise<unknown[]> {
  const stream = await peer.request(requestFields("GET", "/"), { endStream: true });
  await stream.untilEnd();
  return [stream.status, stream.data.toString()];
}

describe("in the clear", () => {
  test.each([1, 3, 5, 16, 18, 23])(
    "the preface of HTTP/2 is known when it comes in pieces of %i bytes",
    async (size) => {
      const { port } = await answering();
      const peer = await rawHttp2Client(port, { handshake: false });
      const last = connectionPreface.length - 1;
      for (let at = 0; at < last; at += size) {
        await peer.send(connectionPreface.subarray(at, Math.min(last, at + size)));
        await turn();
      }
      await peer.send(connectionPreface.subarray(last), settingsFrame());
      expect(await answer(peer)).toEqual([200, "ok"]);
    },
  );

  test("a request of HTTP/1.1 may come in pieces, though its method begins like the preface", async () => {
    const { port, records } = await answering();
    const client = await rawClient(port);
    for (const piece of ["P", "R", "OPFIND / HT", "TP/1.1\r\nHost: a\r\n", "\r\n"]) {
      await client.write(piece);
      await turn();
    }
    await client.readUntil("ok");
    await expect.poll(() => records.map(({ method }) => method)).toEqual(["PROPFIND"]);
  });

  test("a method that is the preface's is a method like any other", async () => {
    const origin = await rawServer(async (connection) => {
      expect((await readMessage(connection)).startLine).toBe("PRI / HTTP/1.1");
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    const { port } = await proxyServer({ target: origin.origin });
    expect((await ask(port, "PRI / HTTP/1.1\r\nHost: a\r\n\r\n")).body.toString()).toBe("ok");
    await origin.finished();
  });

  test.each([
    ["PRI * HTTP/1.1\r\n\r\n", 400],
    ["PRI * HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", 505],
    ["PRI * HTTP/2.0\r\nHost: a\r\n\r\n", 505],
    ["PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n", 505],
    ["pri * http/2.0\r\n\r\nSM\r\n\r\n", 400],
  ])("what only begins like the preface is refused: %j", async (bytes, status) => {
    const { port, records } = await answering();
    expect((await ask(port, bytes)).startLine).toContain(` ${status} `);
    expect(records).toEqual([]);
  });

  test.each(["", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r"])(
    "a client that ends after %j has its end back",
    async (bytes) => {
      const { port } = await answering();
      const client = await rawClient(port);
      client.end(bytes);
      expect((await client.readToEnd()).length).toBe(0);
      await client.closed;
    },
  );

  test("a client that resets before it has shown its protocol does no harm", async () => {
    const { port } = await answering();
    for (const bytes of ["", "PRI"]) {
      const client = await rawClient(port);
      await client.write(bytes);
      await turn();
      client.reset();
    }
    expect((await ask(port, GET)).body.toString()).toBe("ok");
  });
});

describe("over TLS", () => {
  test.each([
    ["http/1.1 alone", ["http/1.1"]],
    ["nothing", undefined],
    ["http/1.1 and something unknown", ["x", "http/1.1"]],
    ["http/1.0 alone, as curl --http1.0 does", ["http/1.0"]],
  ])("HTTP/1.1 is spoken with a client that offers %s", async (_what, ALPNProtocols) => {
    const { cert, key } = await certificate();
    const { port, records } = await answering({ cert, key });
    const client = await rawClient(port, { tls: { ca: cert, ...(ALPNProtocols && { ALPNProtocols }) } });
    await client.write(GET + GET);
    await client.readUntil("ok");
    await client.readUntil("ok");
    await expect
      .poll(() => records.map(({ httpVersion, protocol }) => [httpVersion, protocol]))
      .toEqual([
        ["1.1", "https"],
        ["1.1", "https"],
      ]);
  });

  test.each([[["h2"]], [["h2", "http/1.1"]], [["http/1.1", "h2"]]])(
    "HTTP/2 is spoken with a client that offers %j",
    async (ALPNProtocols) => {
      const { cert, key } = await certificate();
      const { port, records } = await answering({ cert, key });
      expect(await answer(await rawHttp2Client(port, { tls: { ca: cert, ALPNProtocols } }))).toEqual([200, "ok"]);
      await expect
        .poll(() => records.map(({ httpVersion, protocol }) => [httpVersion, protocol]))
        .toEqual([["2.0", "https"]]);
    },
  );

  test("the preface is not a request of a client that agreed on HTTP/1.1, and a request none of one that agreed on HTTP/2", async () => {
    const { cert, key } = await certificate();
    const { port } = await answering({ cert, key });
    const one = await rawClient(port, { tls: { ca: cert, ALPNProtocols: ["http/1.1"] } });
    await one.write(connectionPreface);
    expect((await one.readToEnd()).toString()).toMatch(/^HTTP\/1\.1 505 /);
    const two = await rawClient(port, { tls: { ca: cert, ALPNProtocols: ["h2"] } });
    await two.write(GET);
    expect((await two.readToEnd()).toString()).not.toContain("HTTP/1.1");
  });

  test("a client that offers only unknown protocols, or no TLS, is refused, and others are served", async () => {
    const { cert, key } = await certificate();
    const { port } = await answering({ cert, key });
    await expect(rawClient(port, { tls: { ca: cert, ALPNProtocols: ["spdy/3"] } })).rejects.toThrow(
      "no application protocol",
    );
    const plain = await rawClient(port);
    await plain.write(GET);
    expect((await plain.readToEnd()).toString()).not.toContain("HTTP");
    const client = await rawClient(port, { tls: { ca: cert } });
    await client.write(GET);
    await client.readUntil("ok");
  });
});
