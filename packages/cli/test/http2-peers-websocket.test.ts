import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer as createHttp1Server, type Server } from "node:http";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionRequestOptions,
  connect,
  constants,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";

import { certificate, listen, rawClient, type RunningTrailsum, startTrailsum } from "@trailsum/testkit";
import { describe, expect, onTestFinished, test } from "vitest";
import { Agent, WebSocket as Http2WebSocket } from "undici";
import { WebSocket, WebSocketServer } from "ws";

import { patterned } from "./support/content.ts";

type Version = "HTTP/1.1" | "HTTP/2";

/** What the two implementations of WebSocket have in common: the browser's. */
type AnyWebSocket = Pick<WebSocket, "binaryType" | "protocol"> & {
  send(data: string | Uint8Array): void;
  close(code: number, reason: string): void;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { code: number; reason: string }) => void): void;
  addEventListener(type: "open" | "error", listener: (event: unknown) => void): void;
};

/** A server of WebSockets, and the sockets that it has been asked for. */
interface Origin {
  readonly origin: string;
  readonly accepted: Promise<{ socket: WebSocket; stream: Duplex; path: string | undefined }>;
}

const ways = [
  { client: "HTTP/2", origin: "HTTP/1.1" },
  { client: "HTTP/1.1", origin: "HTTP/2" },
  { client: "HTTP/2", origin: "HTTP/2" },
] as const satisfies readonly { client: Version; origin: Version }[];

/** Starts the proxy before `origin`, over TLS to clients or in cleartext. */
async function proxy(origin: string, version: Version, listening: "TLS" | "cleartext"): Promise<RunningTrailsum> {
  const { keyFile, certFile } = await (await certificate()).files();
  const secured = listening === "TLS" ? ["--tls-cert", certFile, "--tls-key", keyFile] : [];
  const reaching = version === "HTTP/2" ? ["--origin-http2"] : [];
  return startTrailsum(["proxy", origin, "--port", "0", ...secured, ...reaching]);
}

async function startOrigin(version: Version): Promise<Origin> {
  const accepted = Promise.withResolvers<Awaited<Origin["accepted"]>>();
  if (version === "HTTP/1.1") {
    const server = createHttp1Server();
    new WebSocketServer({ server }).on("connection", (socket, { url, socket: stream }) => {
      onTestFinished(() => socket.terminate());
      accepted.resolve({ socket, stream, path: url });
    });
    return { origin: (await listen(server)).origin, accepted: accepted.promise };
  }
  const origin = await extendedConnectOrigin((stream, headers) => {
    const [protocol = ""] = (headers["sec-websocket-protocol"] ?? "").split(", ");
    stream.respond({ ":status": 200, "sec-websocket-protocol": protocol });
    accepted.resolve({ socket: overStream(stream), stream, path: headers[":path"] });
  });
  return { origin, accepted: accepted.promise };
}

/** A server of cleartext HTTP/2 that takes extended CONNECT. */
async function extendedConnectOrigin(
  listener: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void,
): Promise<string> {
  const server = createServer({ settings: { enableConnectProtocol: true } });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    expect([headers[":method"], headers[":protocol"]]).toEqual(["CONNECT", "websocket"]);
    expect(headers["sec-websocket-version"]).toBe("13");
    listener(stream, headers);
  });
  return (await listen(server)).origin;
}

/** The server's end of a WebSocket on a stream of HTTP/2, which `ws` has no public way to make. */
function overStream(stream: ServerHttp2Stream): WebSocket {
  const socket = new WebSocket(null as never, undefined, {}) as WebSocket & {
    setSocket(stream: Duplex, head: Buffer, options: object): void;
  };
  socket.setSocket(stream, Buffer.alloc(0), { maxPayload: 0, allowSynchronousEvents: true });
  return socket;
}

async function openSocket(url: string, version: Version): Promise<AnyWebSocket> {
  const { cert: ca } = await certificate();
  const address = `${url.replace("http", "ws")}/path?query`;
  let socket: AnyWebSocket;
  if (version === "HTTP/1.1") {
    const client = new WebSocket(address, ["chat"], { ca });
    onTestFinished(() => client.terminate());
    socket = client;
  } else {
    const dispatcher = new Agent({ allowH2: true, connect: { ca } });
    onTestFinished(() => dispatcher.destroy());
    socket = new Http2WebSocket(address, { protocols: ["chat"], dispatcher }) as unknown as AnyWebSocket;
  }
  socket.binaryType = "arraybuffer";
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", reject);
  });
  return socket;
}

/** The next message. */
function message(socket: AnyWebSocket): Promise<Buffer> {
  return new Promise((resolve) => {
    const listener = ({ data }: { data: unknown }): void => resolve(Buffer.from(data as string));
    socket.addEventListener("message", listener);
  });
}

function closed(socket: AnyWebSocket): Promise<[code: number, reason: string]> {
  return new Promise((resolve) => {
    socket.addEventListener("close", ({ code, reason }) => resolve([code, reason]));
  });
}

describe.each(ways)("a WebSocket over $client through trailsum proxy to a server of $origin", (way) => {
  test("carries messages of all kinds both ways, and the client's close", async () => {
    const origin = await startOrigin(way.origin);
    const { url } = await proxy(origin.origin, way.origin, "TLS");
    const client = await openSocket(url, way.client);
    const { socket, path } = await origin.accepted;
    const peer = socket as unknown as AnyWebSocket;
    expect([path, client.protocol]).toEqual(["/path?query", "chat"]);
    for (const [from, to] of [
      [client, peer],
      [peer, client],
    ] as const) {
      for (const sent of ["text ü", "", patterned(3_000_000)]) {
        const got = message(to);
        from.send(sent);
        expect((await got).equals(Buffer.from(sent))).toBe(true);
      }
    }
    const ends = [closed(client), closed(peer)];
    client.close(4001, "enough");
    expect(await Promise.all(ends)).toEqual([
      [4001, "enough"],
      [4001, "enough"],
    ]);
  });

  test("carries the server's close", async () => {
    const origin = await startOrigin(way.origin);
    const { url } = await proxy(origin.origin, way.origin, "TLS");
    const client = await openSocket(url, way.client);
    const { socket } = await origin.accepted;
    const end = closed(client);
    socket.close(4002, "enough");
    expect(await end).toEqual([4002, "enough"]);
  });

  test("that breaks at the server breaks at the client: 1006", async () => {
    const origin = await startOrigin(way.origin);
    const { url } = await proxy(origin.origin, way.origin, "TLS");
    const client = await openSocket(url, way.client);
    const { stream } = await origin.accepted;
    const end = closed(client);
    stream.destroy();
    expect((await end)[0]).toBe(1006);
  });
});

/** A client of cleartext HTTP/2. */
function http2Client(url: string): ClientHttp2Session {
  const session = connect(url);
  onTestFinished(() => session.destroy());
  return session;
}

/** A WebSocket that was asked for as RFC 8441 says. */
interface Asked {
  readonly session: ClientHttp2Session;
  readonly stream: ClientHttp2Stream;
  /** The head of the answer. */
  readonly head: Promise<IncomingHttpHeaders>;
}

async function extendedConnect(url: string, options: ClientSessionRequestOptions = {}): Promise<Asked> {
  const session = http2Client(url);
  const [settings] = (await once(session, "remoteSettings")) as [{ enableConnectProtocol: boolean }];
  expect(settings.enableConnectProtocol).toBe(true);
  const fields = { ":path": "/path", "sec-websocket-version": "13", origin: "http://x" };
  const opening = { ":method": "CONNECT", ":protocol": "websocket", ...fields };
  const stream = session.request(opening, { endStream: false, ...options });
  const head = once(stream, "response").then(([first]) => first as IncomingHttpHeaders);
  return { session, stream, head };
}

/** A server of HTTP/1.1 that switches, and hands over what it has switched on. */
async function switchingOrigin(listener: (socket: Duplex) => void): Promise<{ origin: string; server: Server }> {
  const server = createHttp1Server();
  server.on("upgrade", (req, socket) => {
    const { method, headers } = req;
    expect([method, headers.upgrade, headers.connection?.toLowerCase()]).toEqual(["GET", "websocket", "upgrade"]);
    const key = headers["sec-websocket-key"] ?? "";
    expect(Buffer.from(key, "base64").length).toBe(16);
    const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    listener(socket);
  });
  return { origin: (await listen(server)).origin, server };
}

describe("extended CONNECT through trailsum proxy to a server of HTTP/1.1", () => {
  test("is a tunnel of bytes in which each direction ends by itself, the client's first", async () => {
    const { origin } = await switchingOrigin((socket) => {
      void text(socket).then((heard) => socket.end(`heard ${heard}`));
    });
    const { url } = await proxy(origin, "HTTP/1.1", "cleartext");
    const { stream, head } = await extendedConnect(url);
    const { ":status": status, ...fields } = await head;
    expect(status).toBe(200);
    for (const name of ["connection", "upgrade", "sec-websocket-accept", "transfer-encoding"])
      expect(fields).not.toHaveProperty(name);
    stream.end("bytes");
    expect(await text(stream)).toBe("heard bytes");
    expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
  });

  test("and the server's first", async () => {
    const heard = Promise.withResolvers<string>();
    const { origin } = await switchingOrigin((socket) => {
      socket.end("last words");
      heard.resolve(text(socket));
    });
    const { url } = await proxy(origin, "HTTP/1.1", "cleartext");
    const { stream } = await extendedConnect(url);
    expect(await text(stream)).toBe("last words");
    stream.end("and then some");
    expect(await heard.promise).toBe("and then some");
  });

  test("that is reset is reset at the server", async () => {
    const ended = Promise.withResolvers<unknown>();
    const { origin } = await switchingOrigin((socket) => {
      socket.resume().once("error", ({ code }: NodeJS.ErrnoException) => ended.resolve(code));
    });
    const { url } = await proxy(origin, "HTTP/1.1", "cleartext");
    // Node ends a stream before it resets it, but where it waits to be told of trailers.
    const { stream, head } = await extendedConnect(url, { waitForTrailers: true });
    await head;
    stream.close(constants.NGHTTP2_CANCEL);
    expect(await ended.promise).toBe("ECONNRESET");
  });

  test("whose server breaks the connection is reset", async () => {
    const { origin } = await switchingOrigin((socket) => {
      socket.write("first words", () => (socket as Socket).resetAndDestroy());
    });
    const { url } = await proxy(origin, "HTTP/1.1", "cleartext");
    const { stream, head } = await extendedConnect(url);
    await head;
    stream.resume();
    await once(stream, "close");
    // As RFC 8441 section 5 wants it.
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
  });

  test.each([
    [403, 403, "so"],
    // It would say that all behind it is a tunnel.
    [200, 502, undefined],
  ])("that is answered with %i and no switch is no tunnel: %i, and others go on", async (answered, told, why) => {
    const server = createHttp1Server((_req, res) => res.end("here"));
    server.on("upgrade", (_req, socket) => {
      socket.end(`HTTP/1.1 ${answered} X\r\nX-Why: so\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno`);
    });
    const { origin } = await listen(server);
    const { url } = await proxy(origin, "HTTP/1.1", "cleartext");
    const { session, stream, head } = await extendedConnect(url);
    stream.resume();
    const { ":status": status, "x-why": reason } = await head;
    expect([status, reason]).toEqual([told, why]);
    expect(await text(session.request({ ":path": "/" }))).toBe("here");
  });
});

describe("an upgrade through trailsum proxy to a server of HTTP/2", () => {
  const asking = (port: string): string =>
    `GET /path HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

  test("is a tunnel of bytes in which each direction ends by itself", async () => {
    const origin = await extendedConnectOrigin((stream) => {
      stream.respond({ ":status": 200 });
      void text(stream).then((heard) => stream.end(`heard ${heard}`));
    });
    const { url } = await proxy(origin, "HTTP/2", "cleartext");
    const { port } = new URL(url);
    const client = await rawClient(Number(port));
    await client.write(asking(port));
    const head = (await client.readHead()).toString();
    expect(head).toMatch(/^HTTP\/1\.1 101 /);
    // The answer to that key (RFC 6455 section 1.3).
    expect(head).toMatch(/^sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r$/im);
    client.end("bytes");
    expect((await client.readToEnd()).toString()).toBe("heard bytes");
    expect(client.error).toBeUndefined();
  });

  test("that the server refuses is answered as the server says", async () => {
    const origin = await extendedConnectOrigin((stream) => {
      stream.respond({ ":status": 403, "x-why": "so" });
      stream.end("no");
    });
    const { url } = await proxy(origin, "HTTP/2", "cleartext");
    const { port } = new URL(url);
    const client = await rawClient(Number(port));
    await client.write(asking(port));
    expect((await client.readHead()).toString()).toMatch(/^HTTP\/1\.1 403 [^]*^x-why: so\r$/im);
    client.destroy();
  });

  test("which takes no extended CONNECT is answered with 501", async () => {
    const server = createServer();
    server.on("stream", (stream) => stream.respond({ ":status": 200 }));
    const { origin } = await listen(server);
    const { url } = await proxy(origin, "HTTP/2", "cleartext");
    const { port } = new URL(url);
    const client = await rawClient(Number(port));
    await client.write(asking(port));
    expect((await client.readHead()).toString()).toMatch(/^HTTP\/1\.1 501 /);
    client.destroy();
  });
});
