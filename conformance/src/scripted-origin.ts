import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, TLSSocket } from "node:tls";

import { Http2Peer } from "@trailsum/testkit/http2-peer";
import { RawConnection } from "@trailsum/testkit/raw-connection";

import type { Version } from "./combination.ts";
import type { Endpoint, Scene } from "./endpoint.ts";
import { Http1Endpoint } from "./http1-endpoint.ts";
import { Http2Endpoint } from "./http2-endpoint.ts";
import { Wire } from "./wire.ts";

/** A request of a case has arrived, or bytes that look like one. */
export interface Arrival {
  /** How many requests came over its connection before. */
  readonly index: number;
  /** The side that answers it. */
  endpoint(scene: Scene): Endpoint;
  /** Many requests come over its connection at once, each on a stream of its own. */
  readonly multiplexed: boolean;
  /** What has come and has not been looked at, as text. */
  unread(): string;
  /** Gives the connection back: the next request on it may belong to another case. */
  release(): void;
  /** Aborts it: what follows is unpredictable. */
  abandon(): void;
}

/** The origin behind the proxy. Every request names its case, and is played by that case's script. */
export interface ScriptedOrigin {
  readonly port: number;
  /** Hands the requests of case `id` to `arrive`, until the returned function is called. */
  register(id: string, arrive: (arrival: Arrival) => void): () => void;
  close(): Promise<void>;
}

/** How an origin is started. */
export interface OriginOptions {
  readonly version?: Version;
  /** Of 127.0.0.1. Default: a free one. */
  readonly port?: number;
  /** Speaks TLS, with ALPN. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
}

type Cases = ReadonlyMap<string, (arrival: Arrival) => void>;

/** Starts an origin that speaks one version of HTTP, HTTP/1.1 by default; HTTP/2 from the first byte. */
export async function startOrigin({ version = "1.1", port = 0, tls }: OriginOptions = {}): Promise<ScriptedOrigin> {
  const cases = new Map<string, (arrival: Arrival) => void>();
  const open = new Set<Socket>();
  const serve = version === "2" ? serveHttp2 : serveHttp1;
  const server = listener(tls, version, (socket) => void serve(socket, cases));
  // Below TLS: one whose handshake never comes to its end has to go as well.
  server.on("connection", (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    register(id, arrive) {
      cases.set(id, arrive);
      return () => cases.delete(id);
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

function listener(tls: OriginOptions["tls"], version: Version, accept: (socket: Socket) => void): Server {
  const options = { allowHalfOpen: true, noDelay: true };
  if (tls === undefined) return createServer(options, accept);
  return createTlsServer({ ...options, ...tls, ALPNProtocols: [version === "2" ? "h2" : "http/1.1"] }, accept);
}

/** The case that a head names. */
export function caseOf(head: string): string | undefined {
  return /x-case:[ \t]*([\w./@-]+)/i.exec(head)?.[1];
}

const FOREVER = 2 ** 31 - 1;

/** One request after the other. */
async function serveHttp1(socket: Socket, cases: Cases): Promise<void> {
  const wire = new Wire(socket);
  const patience = { timeout: FOREVER, signal: new AbortController().signal };
  for (let index = 0; ; index += 1) {
    const head = await wire.until(() => headOf(wire), "a head", patience);
    const arrive = cases.get(caseOf(head) ?? "");
    if (arrive === undefined) {
      socket.destroy();
      return;
    }
    await new Promise<void>((resolve) =>
      arrive({
        index,
        multiplexed: false,
        endpoint: (scene) => new Http1Endpoint(wire, scene),
        unread: () => wire.unread.toString("latin1", 0, 200),
        release: resolve,
        abandon: () => {
          socket.destroy();
          resolve();
        },
      }),
    );
    if (socket.destroyed || socket.writableEnded) return;
  }
}

/** Many requests at once, a stream each. */
async function serveHttp2(socket: Socket, cases: Cases): Promise<void> {
  socket.on("end", () => socket.end());
  const scheme = socket instanceof TLSSocket ? "https" : "http";
  const peer = new Http2Peer(new RawConnection(socket), "server", { settings: { ENABLE_CONNECT_PROTOCOL: 1 } });
  try {
    await peer.handshake();
    for (let index = 0; ; index += 1) {
      const stream = await peer.accept(FOREVER);
      const fields = stream.fields ?? [];
      const arrive = cases.get(fields.find(([name]) => name === "x-case")?.[1] ?? "");
      arrive?.({
        index,
        multiplexed: true,
        endpoint: (scene) => new Http2Endpoint({ peer, stream, role: "origin", scheme }, scene),
        unread: () => fields.map((line) => line.join(": ")).join("\r\n"),
        release: () => {},
        abandon: () => void stream.reset(),
      });
      if (arrive === undefined) void stream.reset();
    }
  } catch {
    socket.destroy();
  }
}

/** What stands before the first empty line, however lines end; all there is when no more comes. */
function headOf(wire: Wire): string | undefined {
  const text = wire.unread.toString("latin1");
  const end = /\r?\n\r?\n/.exec(text);
  if (end !== null) return text.slice(0, end.index);
  return wire.ended ? text : undefined;
}
