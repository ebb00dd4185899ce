import { EventEmitter } from "node:events";
import { type Duplex, PassThrough, Readable } from "node:stream";

import { FieldLines, TrailsumError } from "@trailsum/shared";

import {
  type ClientConnection,
  clientGoneError,
  type InboundExchange,
  type OutgoingHead,
  headerWithAdded,
} from "../inbound-exchange.ts";
import type { ContentSource } from "../inbound-content.ts";
import type { InboundRequest } from "../inbound-request.ts";
import { WebContent } from "./web-content.ts";

type CountedContent = ContentSource & { readonly received: number };

/** What an exchange is made of whose response is a `Response`. */
export interface WebExchangeOptions {
  readonly request: InboundRequest;
  /** The content, which counts the bytes that have come. */
  readonly content: CountedContent | undefined;
  /** Fires when the client has gone. */
  readonly signal: AbortSignal;
  /** Sends an interim response, where the server has a way to. */
  readonly interim?: ((status: number, header: FieldLines) => void) | undefined;
}

/**
 * An exchange that is answered by a `Response` of the Fetch standard, which has no trailers. What happens to the connection
 * and of content that is not read is the server's affair.
 */
export class WebExchange implements InboundExchange {
  /** The request. */
  readonly request: InboundRequest;
  readonly content: CountedContent | undefined;
  /** The connection of the client; what is known of it. */
  readonly connection: ClientConnection = Object.assign(new EventEmitter(), { destroyed: false });
  /** The response, once its head is known; rejects if the exchange is aborted before. */
  readonly response: Promise<Response>;
  readonly interim: InboundExchange["interim"];
  onGone: (() => void) | undefined;
  onDrain: (() => void) | undefined;
  addedFields: FieldLines | undefined;
  status: number | undefined;
  contentSent = 0;
  readonly #signal: AbortSignal;
  readonly #response: PromiseWithResolvers<Response> = Promise.withResolvers();
  readonly #body: PassThrough = new PassThrough();

  constructor({ request, content, signal, interim = () => {} }: WebExchangeOptions) {
    this.request = { ...request, responseTrailers: false };
    this.content = content;
    this.interim = interim;
    this.response = this.#response.promise;
    this.response.catch(() => {});
    this.#signal = signal;
    this.#signal.addEventListener("abort", () => this.abort(), { once: true });
    this.#body.on("drain", () => this.onDrain?.());
    this.#body.on("error", () => {});
    this.#body.on("close", () => {
      if (!this.#body.readableEnded) this.onGone?.();
    });
  }

  get contentReceived(): number {
    return this.content?.received ?? 0;
  }

  get gone(): boolean {
    return this.#signal.aborted || (this.#body.destroyed && !this.#body.readableEnded);
  }

  head({ status, reason, header, hasContent, length }: OutgoingHead): void {
    const headers = new Headers(
      [...headerWithAdded(this, header)].map(([name, value]): [string, string] => [name, value]),
    );
    if (length !== undefined) headers.set("Content-Length", length);
    const body = hasContent ? (Readable.toWeb(this.#body) as ReadableStream<Uint8Array>) : null;
    if (!hasContent) this.#body.resume();
    this.status = status;
    this.#response.resolve(new Response(body, { status, statusText: reason, headers }));
  }

  write(piece: Buffer): boolean {
    this.contentSent += piece.length;
    return piece.length === 0 || this.#body.write(piece);
  }

  end(): void {
    this.#body.end();
  }

  whenSent(done: () => void, failed: (error: Error) => void): void {
    const body = this.#body;
    const settle = (): void => {
      body.off("end", settle).off("close", settle);
      if (body.readableEnded) done();
      else failed(clientGoneError());
    };
    if (body.readableEnded || body.destroyed) settle();
    else body.once("end", settle).once("close", settle);
  }

  abort(): void {
    this.#response.reject(clientGoneError());
    this.#body.destroy(clientGoneError());
  }

  conclude(): void {
    // What is still to come of the request is the server's affair.
  }

  switchTo(): Duplex {
    throw new TrailsumError("NOT_SUPPORTED", "a request of the Fetch standard cannot switch to another protocol");
  }
}

/** The exchange of a `Request`, whose path is cut off by `mountPath`. */
export function webExchange(message: Request, { mountPath }: { readonly mountPath: string }): WebExchange {
  const request = webRequest(message, mountPath);
  const content = request.content === undefined ? undefined : new WebContent(message);
  return new WebExchange({ request, content, signal: message.signal });
}

/** A request of the Fetch standard in the terms of all requests. */
export function webRequest(request: Request, mountPath: string): InboundRequest {
  const { pathname, search, host, protocol } = new URL(request.url);
  const header = FieldLines.from(request.headers);
  const length = header.get("Content-Length");
  const path = pathname.slice(mountPath.length);
  return {
    method: request.method,
    target: {
      path: path === "" ? "/" : path,
      query: search === "" ? undefined : search.slice(1),
      authority: undefined,
    },
    mountPath,
    host,
    header,
    httpVersion: "1.1",
    remoteAddress: undefined,
    protocol: protocol === "https:" ? "https" : "http",
    content:
      request.body === null
        ? undefined
        : { length: length === undefined ? undefined : Number(length), trailersPossible: false },
    upgrade: undefined,
    expectsContinue: false,
    message: undefined,
  };
}
