import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";

import { TrailerAgent, type TrailerAgentOptions } from "@trailsum/client";
import type { RawConnection } from "@trailsum/testkit";
import {
  type Http2Peer,
  type Http2Stream,
  listen,
  type Listening,
  type ParsedMessage,
  parseMessage,
  rawClient,
  rawHttp2Server,
  type SeenRequest,
  until,
} from "@trailsum/testkit";
import { onTestFinished } from "vitest";

import {
  createProxyServer,
  createReverseProxy,
  type ExchangeRecord,
  type ProxyServer,
  type ProxyServerOptions,
  type ReverseProxyOptions,
} from "../src/index.ts";

/** How long clients have to go away when their test has ended, as with `listen`. Milliseconds. */
const DRAIN = 5_000;

/** A proxy that listens, and what it has recorded. */
export interface Proxied extends Omit<Listening, "connections"> {
  /** What `onExchange` was given, in order. */
  readonly records: ExchangeRecord[];
}

/** The product's own server on a free port, with its own connections. Closed when the test ends. */
export async function proxyServer(options: ProxyServerOptions): Promise<Proxied & { readonly server: ProxyServer }> {
  const records: ExchangeRecord[] = [];
  const server = createProxyServer({ listen: { port: 0 }, ...options, ...recording(options, records) });
  onTestFinished(async () => {
    const began = performance.now();
    await server.close({ graceMs: DRAIN });
    if (performance.now() - began >= DRAIN) throw new Error("the test left a connection to the proxy open");
  }, DRAIN * 2);
  const { url, port } = await server.listen();
  return { url: new URL(url), origin: url, port, records, server };
}

/** A node:http server that hands everything to a reverse proxy. Closed when the test ends, its connections to origins too. */
export async function mountedServer(options: ReverseProxyOptions): Promise<Proxied> {
  const records: ExchangeRecord[] = [];
  const proxy = createReverseProxy({ ...options, ...recording(options, records) });
  const server = createServer((req, res) => void proxy(req, res));
  server.on("checkContinue", (req, res) => void proxy.checkContinue(req, res));
  server.on("upgrade", (req, socket, head) => void proxy.upgrade(req, socket, head));
  const listening = await listen(server);
  onTestFinished(() => proxy.close());
  return { ...listening, records };
}

/** A way to have a proxy listen. */
export type Front = (options: ReverseProxyOptions) => Promise<Proxied>;

/** Both ways that there are: the life of a request is the same in either, and how it comes in is not. */
export const FRONTS: readonly (readonly [name: string, front: Front])[] = [
  ["on its own server", proxyServer],
  ["mounted in node:http", mountedServer],
];

function recording(options: ReverseProxyOptions, records: ExchangeRecord[]): Pick<ReverseProxyOptions, "onExchange"> {
  return {
    onExchange: (record) => {
      records.push(record);
      return options.onExchange?.(record);
    },
  };
}

/** An HTTP/2 origin that does this with each stream, one after the other, until its connections end. */
export function streamServer(
  serve: (stream: Http2Stream, peer: Http2Peer) => Promise<void>,
): ReturnType<typeof rawHttp2Server> {
  return rawHttp2Server(async (peer) => {
    for (;;) {
      const stream = await peer.accept().catch(() => undefined);
      if (stream === undefined) return;
      await serve(stream, peer).catch((error: unknown) => {
        if (!peer.connection.ended) throw error;
      });
    }
  });
}

/** The 101 that opens a WebSocket in answer to this head: with what follows from its key, if it has one (RFC 6455). */
export function webSocketSwitch(head: Buffer): string {
  const key = /^sec-websocket-key: (.*)\r$/im.exec(head.toString())?.[1];
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  const line = key === undefined ? "" : `Sec-WebSocket-Accept: ${accept}\r\n`;
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n${line}\r\n`;
}

/** A `TrailerAgent` that is destroyed when the test ends. */
export function trailerAgent(options: TrailerAgentOptions = {}): TrailerAgent {
  const agent = new TrailerAgent(options);
  onTestFinished(() => agent.destroy());
  return agent;
}

/** Sends `request`, byte by byte as it is, and reads the answer until it is complete or the connection ends. */
export async function ask(port: number, request: string): Promise<ParsedMessage> {
  const client = await rawClient(port);
  void client.write(request);
  return readMessage(client, { head: request.startsWith("HEAD ") });
}

/** The same for a server that answers with what it saw. */
export async function askEcho(port: number, request: string): Promise<SeenRequest> {
  const { body } = await ask(port, request);
  return JSON.parse(body.toString("latin1")) as SeenRequest;
}

/** Reads to the end and keeps nothing more: how many bytes there were, from the first one on. */
export async function countToEnd({ socket, closed, received }: RawConnection): Promise<number> {
  let count = received.length;
  socket.removeAllListeners("data");
  socket.on("data", (piece: Buffer) => (count += piece.length)).resume();
  await Promise.race([once(socket, "end").catch(() => {}), closed]);
  return count;
}

/** Reads until a message is complete, or the connection has ended; interim responses are messages too. */
export async function readMessage(
  connection: RawConnection,
  { head = false, from = 0 }: { readonly head?: boolean; readonly from?: number } = {},
): Promise<ParsedMessage> {
  for (;;) {
    const message = parseMessage(connection.received.subarray(from), { head });
    if ((message.startLine !== "" && message.complete && isDelimited(message, head)) || connection.ended)
      return message;
    await more(connection);
  }
}

/** A response without length or chunks is complete when the connection has ended, and not before. */
function isDelimited({ startLine, fieldLines }: ParsedMessage, head: boolean): boolean {
  if (!startLine.startsWith("HTTP/") || head || /^HTTP\/1\.[01] (1|204|304)/.test(startLine)) return true;
  return fieldLines.some((line) => /^(content-length|transfer-encoding):/i.test(line));
}

/** Waits for more bytes, or for the end. */
function more({ socket }: RawConnection): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      for (const event of ["data", "end", "close"]) socket.off(event, wake);
      resolve();
    };
    for (const event of ["data", "end", "close"]) socket.on(event, wake);
  });
}

/** The field lines of a raw list, `Name: value`. */
export function lines(raw: readonly string[]): string[] {
  return raw.flatMap((text, at) => (at % 2 === 0 ? [`${text}: ${raw[at + 1]}`] : []));
}

/** Waits until `value()` has stood still for a while. */
export async function stands(value: () => number): Promise<void> {
  let last = -1;
  let turns = 0;
  await until(
    () => {
      turns = value() === last ? turns + 1 : 0;
      last = value();
      return turns > 30;
    },
    () => `still moving at ${last}`,
  );
}
