import { channel, type Channel } from "node:diagnostics_channel";
import type { Socket } from "node:net";

import { fieldLinesText } from "@trailsum/http/http1";
import { FrameObserver } from "@trailsum/http/http2";

import { addField, type OutgoingRequest } from "./outgoing-request.ts";

// undici's diagnostics channels, with undici's payloads: tracers and monitors know them. Without a subscriber nothing is
// made for them.

const request = {
  create: channel("undici:request:create"),
  bodyChunkSent: channel("undici:request:bodyChunkSent"),
  bodySent: channel("undici:request:bodySent"),
  headers: channel("undici:request:headers"),
  bodyChunkReceived: channel("undici:request:bodyChunkReceived"),
  trailers: channel("undici:request:trailers"),
  error: channel("undici:request:error"),
  // undici sends no trailers, so it has no channel for them.
  sendTrailers: channel("trailsum:request:sendTrailers"),
};

const client = {
  beforeConnect: channel("undici:client:beforeConnect"),
  connected: channel("undici:client:connected"),
  connectError: channel("undici:client:connectError"),
  sendHeaders: channel("undici:client:sendHeaders"),
};

// undici has none for frames of HTTP/2 either.
const frame = channel("trailsum:http2:frame");

/** What is published of the frames of one connection. */
export interface FrameDiagnostics {
  /** Octets were written, or are about to be. */
  readonly sent: (bytes: Buffer) => void;
  /** Octets were read. */
  readonly received: (bytes: Buffer) => void;
}

/** Publishes the frames of an HTTP/2 connection. Undefined without a subscriber when the connection is made. */
export function frameDiagnostics(socket: Socket): FrameDiagnostics | undefined {
  if (!frame.hasSubscribers) return undefined;
  const sent = new FrameObserver("client", (seen) => frame.publish({ socket, direction: "sent", frame: seen }));
  const received = new FrameObserver("server", (seen) => frame.publish({ socket, direction: "received", frame: seen }));
  return { sent: (bytes) => sent.read(bytes), received: (bytes) => received.read(bytes) };
}

/** A request as subscribers get it: the same object in every message about it. */
class PublishedRequest {
  readonly #request: OutgoingRequest;
  readonly origin: string;
  readonly protocol: string;
  completed = false;
  aborted = false;

  constructor(outgoing: OutgoingRequest, { origin, protocol }: URL) {
    this.#request = outgoing;
    this.origin = origin;
    this.protocol = protocol;
  }

  get method(): string {
    return this.#request.method;
  }

  get path(): string {
    return this.#request.target;
  }

  /** Name, value, name, value, ... */
  get headers(): string[] {
    return this.#request.raw;
  }

  get host(): string | null {
    return this.#request.host ?? null;
  }

  get contentLength(): number | null {
    return this.#request.length ?? null;
  }

  get upgrade(): string | null {
    return this.#request.upgrade ?? null;
  }

  get idempotent(): boolean {
    return this.#request.idempotent;
  }

  /** Adds a header field, as tracers do in a subscriber of `undici:request:create`. */
  addHeader(name: string, value: unknown): this {
    addField(this.#request, name, value);
    return this;
  }
}

/** Publishes what happens to one request. */
export class RequestDiagnostics {
  readonly #outgoing: OutgoingRequest;
  readonly #origin: URL;
  #published: PublishedRequest | undefined;

  constructor(outgoing: OutgoingRequest, origin: URL) {
    this.#outgoing = outgoing;
    this.#origin = origin;
  }

  /** The request was taken, and can still be added to. */
  created(): void {
    if (request.create.hasSubscribers) this.#publish(request.create, {});
  }

  /** The head has been written: a text with its final empty line, or what gives the lines of a field section. */
  sendHeaders(head: string | (() => readonly string[]), socket: Socket | undefined): void {
    if (!client.sendHeaders.hasSubscribers) return;
    const headers = typeof head === "string" ? head.slice(0, -2) : fieldLinesText(head());
    this.#publish(client.sendHeaders, { headers, socket });
  }

  /** A subscriber may keep what it is given: the memory of content is used again. */
  bodyChunkSent(chunk: Uint8Array): void {
    if (request.bodyChunkSent.hasSubscribers) this.#publish(request.bodyChunkSent, { chunk: Buffer.from(chunk) });
  }

  bodySent(): void {
    if (request.bodySent.hasSubscribers) this.#publish(request.bodySent, {});
  }

  /** The request has ended with these trailers: name, value, name, value, ... */
  sendTrailers(trailers: readonly string[]): void {
    if (request.sendTrailers.hasSubscribers) this.#publish(request.sendTrailers, { trailers });
  }

  headers(statusCode: number, raw: readonly string[], statusText: string): void {
    if (!request.headers.hasSubscribers) return;
    this.#publish(request.headers, { response: { statusCode, headers: buffers(raw), statusText } });
  }

  bodyChunkReceived(chunk: Buffer): void {
    if (request.bodyChunkReceived.hasSubscribers)
      this.#publish(request.bodyChunkReceived, { chunk: Buffer.from(chunk) });
  }

  trailers(raw: readonly string[]): void {
    if (this.#published !== undefined) this.#published.completed = true;
    if (request.trailers.hasSubscribers) this.#publish(request.trailers, { trailers: buffers(raw) });
  }

  error(error: Error): void {
    if (request.error.hasSubscribers) this.#publish(request.error, { error });
    if (this.#published !== undefined) this.#published.aborted = true;
  }

  #publish(to: Channel, message: object): void {
    this.#published ??= new PublishedRequest(this.#outgoing, this.#origin);
    to.publish({ request: this.#published, ...message });
  }
}

/** Publishes what happens to the attempts to connect to one origin. */
export class ConnectDiagnostics {
  readonly #origin: URL;
  readonly #connector: unknown;
  readonly #details: { readonly servername: string | null; readonly localAddress: string | null };

  constructor(origin: URL, connector: unknown, details: { servername: string | null; localAddress: string | null }) {
    this.#origin = origin;
    this.#connector = connector;
    this.#details = details;
  }

  beforeConnect(): void {
    this.#publish(client.beforeConnect, undefined, {});
  }

  connected(socket: Socket, protocol: "h2" | "http/1.1"): void {
    this.#publish(client.connected, protocol === "h2" ? "h2" : "h1", { socket });
  }

  connectError(error: Error): void {
    this.#publish(client.connectError, undefined, { error });
  }

  #publish(to: Channel, version: "h1" | "h2" | undefined, message: object): void {
    if (!to.hasSubscribers) return;
    const { host, hostname, protocol, port } = this.#origin;
    const connectParams = { host, hostname, protocol, port, version, ...this.#details };
    to.publish({ connectParams, connector: this.#connector, ...message });
  }
}

/** Name, value, ... as undici has them from the wire. */
function buffers(raw: readonly string[]): Buffer[] {
  return raw.map((text) => Buffer.from(text, "latin1"));
}
