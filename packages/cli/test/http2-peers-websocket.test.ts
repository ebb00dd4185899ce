import { createServer as createHttp1Server } from "node:http";
import { createServer, type ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";

import { certificate, listen, startTrailsum } from "@trailsum/testkit";
import { Agent, WebSocket as Http2WebSocket } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";

import { patterned } from "./support/content.ts";

type Version = "HTTP/1.1" | "HTTP/2";

/** What `ws` and undici have in common: the browser's interface. */
interface AnyWebSocket {
  binaryType: string;
  readonly protocol: string;
  send(data: string | Uint8Array): void;
  close(code: number, reason: string): void;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { code: number; reason: string }) => void): void;
  addEventListener(type: "open" | "error", listener: (event: unknown) => void): void;
}

/** The server's end of a WebSocket. */
interface Accepted {
  readonly socket: AnyWebSocket;
  /** What it speaks on. */
  readonly stream: Duplex;
  readonly path: string | undefined;
}

/** Starts a server of WebSockets with `ws`, and hands over each that it accepts. */
async function startServer(version: Version, onAccepted: (accepted: Accepted) => void): Promise<string> {
  if (version === "HTTP/1.1") {
    const server = createHttp1Server();
    new WebSocketServer({ server }).on("connection", (socket, { url, socket: stream }) => {
      onTestFinished(() => socket.terminate());
      onAccepted({ socket, stream, path: url });
    });
    return (await listen(server)).origin;
  }
  const server = createServer({ settings: { enableConnectProtocol: true } });
  server.on("stream", (stream, headers) => {
    const [protocol = ""] = (headers["sec-websocket-protocol"] ?? "").split(", ");
    stream.respond({ ":status": 200, "sec-websocket-protocol": protocol });
    onAccepted({ socket: overStream(stream), stream, path: headers[":path"] });
  });
  return (await listen(server)).origin;
}

/** `ws` has no public way to make a server's end on a stream of HTTP/2. */
function overStream(stream: ServerHttp2Stream): AnyWebSocket {
  const socket = new WebSocket(null as never, undefined, {}) as WebSocket & {
    setSocket(stream: Duplex, head: Buffer, options: object): void;
  };
  socket.setSocket(stream, Buffer.alloc(0), { maxPayload: 0, allowSynchronousEvents: true });
  return socket;
}

/** Opens a WebSocket with `ws` over HTTP/1.1, or with undici over HTTP/2, and TLS below. */
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
    socket = new Http2WebSocket(address, { protocols: ["chat"], dispatcher });
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
    socket.addEventListener("message", ({ data }) => resolve(Buffer.from(data as string)));
  });
}

function closed(socket: AnyWebSocket): Promise<[code: number, reason: string]> {
  return new Promise((resolve) => {
    socket.addEventListener("close", ({ code, reason }) => resolve([code, reason]));
  });
}

const ways = [
  { client: "HTTP/2", server: "HTTP/1.1" },
  { client: "HTTP/1.1", server: "HTTP/2" },
  { client: "HTTP/2", server: "HTTP/2" },
] as const satisfies readonly { client: Version; server: Version }[];

describe.each(ways)("WebSockets over $client through trailsum proxy to a server of $server", (way) => {
  test("carry messages of all kinds both ways, and report their close or break", async () => {
    let accepted = Promise.withResolvers<Accepted>();
    const target = await startServer(way.server, (one) => accepted.resolve(one));
    const { keyFile, certFile } = await (await certificate()).files();
    const reaching = way.server === "HTTP/2" ? ["--origin-http2"] : [];
    const tls = ["--tls-cert", certFile, "--tls-key", keyFile];
    const { url } = await startTrailsum(["proxy", target, "--port", "0", ...tls, ...reaching]);
    const open = async (): Promise<Accepted & { readonly client: AnyWebSocket }> => {
      accepted = Promise.withResolvers();
      const client = await openSocket(url, way.client);
      return { ...(await accepted.promise), client };
    };

    const first = await open();
    expect([first.path, first.client.protocol]).toEqual(["/path?query", "chat"]);
    for (const [from, to] of [
      [first.client, first.socket],
      [first.socket, first.client],
    ] as const) {
      for (const sent of ["text ü", "", patterned(3_000_000)]) {
        const got = message(to);
        from.send(sent);
        expect((await got).equals(Buffer.from(sent))).toBe(true);
      }
    }
    const ends = Promise.all([closed(first.client), closed(first.socket)]);
    first.client.close(4001, "enough");
    expect(await ends).toEqual([
      [4001, "enough"],
      [4001, "enough"],
    ]);

    const second = await open();
    const reported = closed(second.client);
    second.socket.close(4002, "too much");
    expect(await reported).toEqual([4002, "too much"]);

    const third = await open();
    const broken = closed(third.client);
    third.stream.destroy();
    expect((await broken)[0]).toBe(1006);
  });
});
