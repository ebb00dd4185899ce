import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";

import { FieldLines, type TrailsumError } from "@trailsum/shared";

import { fieldLinesText } from "../../http1/field-lines-text.ts";
import type { RequestHead } from "../../http1/request-head.ts";
import { switchHead } from "../../http1/switch-head.ts";
import { resetConnection } from "../../transport/reset-connection.ts";
import type { ContentSink, ContentSource } from "../inbound-content.ts";
import {
  type ClientConnection,
  clientGoneError,
  type InboundExchange,
  type OutgoingHead,
  headerWithAdded,
} from "../inbound-exchange.ts";
import { type InboundRequest, requestedUpgrade, targetAndHost } from "../inbound-request.ts";
import type { Http1Connection } from "./http1-connection.ts";
import { interimHeadText, responseHeadText } from "./response-head.ts";

/**
 * How far the response is. `awaited`: its head has not been written. `open`: content can follow. `ended`: all of it has been
 * written. `sent`: the system has all of it. `switched`: the connection carries another protocol. `lost`: it will not be sent.
 */
type ResponseState = "awaited" | "open" | "ended" | "sent" | "switched" | "lost";

/** One request on a connection of HTTP/1.1, and the response to it. */
export class Http1Exchange implements InboundExchange, ContentSource {
  readonly request: InboundRequest;
  readonly content: ContentSource | undefined;
  readonly #connection: Http1Connection;
  onGone: (() => void) | undefined;
  onDrain: (() => void) | undefined;
  onReleased: ((piece: Uint8Array) => void) | undefined;
  addedFields: FieldLines | undefined;
  status: number | undefined;
  contentReceived = 0;
  contentSent = 0;
  #state: ResponseState = "awaited";
  /** Whether the connection may carry another exchange after this one. */
  persistent: boolean;
  trailers: FieldLines = FieldLines.empty;
  #chunked = false;
  #hasContent = false;
  #blocked = false;
  /** The callbacks that wait for the response to be sent. */
  #sending: { readonly done: () => void; readonly failed: (error: Error) => void } | undefined;
  #sink: ContentSink | undefined;
  /** The bytes that came together with the head, until a reader takes them. */
  #beginning: Buffer[] | undefined = [];
  #content: "arriving" | "whole" | "lost";
  #reason: TrailsumError | undefined;

  constructor(connection: Http1Connection, head: RequestHead) {
    this.#connection = connection;
    this.request = requestOf(connection, head);
    this.content = this.request.content === undefined ? undefined : this;
    this.#content = this.content === undefined ? "whole" : "arriving";
    // What follows a refused CONNECT may be meant for a tunnel.
    this.persistent = head.persistent && head.method !== "CONNECT";
  }

  get connection(): ClientConnection {
    return this.#connection.socket;
  }

  get gone(): boolean {
    return this.#state === "lost";
  }

  /** Whether the response has been written completely. */
  get ended(): boolean {
    return this.#state === "ended" || this.#state === "sent";
  }

  /** Whether a reader waits for content that has not arrived. */
  get awaitsContent(): boolean {
    return this.#content === "arriving" && this.#sink !== undefined;
  }

  // The response.

  interim(status: number, header: FieldLines): void {
    if (this.status !== undefined || this.request.httpVersion === "1.0" || this.gone) return;
    this.#connection.writer.text(interimHeadText(status, STATUS_CODES[status] ?? "", header));
  }

  head(head: OutgoingHead): void {
    const { status, reason } = head;
    const header = headerWithAdded(this, head.header);
    if (this.#connection.stopping || (head.givesUp && this.#content !== "whole")) this.persistent = false;
    const text = responseHeadText({ status, reason, header, framing: this.#framing(head) });
    this.status = status;
    if (this.#state === "awaited") this.#state = "open";
    this.#hasContent = head.hasContent;
    this.#chunked = head.trailers;
    this.#connection.writer.returnContent(this.onReleased);
    this.#connection.writer.text(text);
  }

  write(piece: Buffer): boolean {
    if (!this.#hasContent || piece.length === 0) return true;
    const { writer } = this.#connection;
    this.contentSent += piece.length;
    if (this.#chunked) writer.content(piece, `${piece.length.toString(16)}\r\n`, "\r\n");
    else writer.content(piece, "", "");
    this.#blocked = writer.full;
    return !this.#blocked;
  }

  end(trailers: FieldLines): void {
    const connection = this.#connection;
    if (this.#chunked) connection.writer.text(`0\r\n${fieldLinesText(trailers.raw)}\r\n`);
    if (!this.gone) this.#state = "ended";
    connection.writer.onFlushed(this);
    connection.advance();
  }

  whenSent(done: () => void, failed: (error: Error) => void): void {
    if (this.#state === "sent") done();
    else if (this.gone) failed(clientGoneError());
    else this.#sending = { done, failed };
  }

  /** Everything was written to the socket. Most often the system accepts it at once: waiting each time would cost more. */
  onFlushed(): void {
    const { socket } = this.#connection;
    if (socket.writableLength === 0 && !socket.destroyed) this.#settleSent(true);
    else socket.write("", (error) => this.#settleSent(!error));
  }

  #settleSent(taken: boolean): void {
    this.#state = taken ? "sent" : "lost";
    if (taken) this.#sending?.done();
    else this.#sending?.failed(clientGoneError());
  }

  /**
   * Where only the end of the connection would mark the end of the response, an orderly one would look like success:
   * that one is reset.
   */
  abort(): void {
    const { socket, writer } = this.#connection;
    if (this.ended) return;
    writer.flush();
    const closeDelimited = this.#hasContent && !this.#chunked && this.request.httpVersion === "1.0";
    if (closeDelimited) resetConnection(socket);
    else socket.destroy();
  }

  conclude(): void {
    this.#sink = undefined;
    if (this.#state === "switched" || this.#content !== "arriving" || !this.ended) return;
    if (this.persistent) this.#connection.discard();
    else this.#connection.close();
  }

  switchTo(protocol: string, header: FieldLines): Duplex {
    this.#connection.writer.text(switchHead(protocol, header));
    this.#state = "switched";
    this.#connection.writer.flush();
    return this.#connection.release();
  }

  // The content of the request.

  get whole(): Buffer | undefined {
    const pieces = this.#content === "whole" ? this.#beginning : undefined;
    return pieces?.length === 1 ? pieces[0] : pieces && Buffer.concat(pieces);
  }

  flow(sink: ContentSink): void {
    this.#sink = sink;
    process.nextTick(() => this.#begin());
  }

  #begin(): void {
    const pieces = this.#beginning ?? [];
    this.#beginning = undefined;
    for (const piece of pieces) this.#sink?.onContent(piece);
    if (this.#content === "whole") this.#sink?.onEnd();
    else if (this.#content === "lost") this.#sink?.onLost(this.#reason);
    else this.resume();
  }

  pause(): void {
    this.#connection.pause();
  }

  leave(): void {
    this.#sink = undefined;
    if (this.#content !== "arriving" || this.#beginning !== undefined) return;
    // What still comes waits for the next sink.
    this.#beginning = [];
    this.#connection.pause();
  }

  resume(): void {
    if (this.#content === "arriving" && this.#sink !== undefined) this.#connection.resume();
  }

  // The connection's side.

  received(piece: Buffer): void {
    this.contentReceived += piece.length;
    if (this.#beginning !== undefined) this.#beginning.push(piece);
    else if (this.#sink === undefined || !this.#sink.onContent(piece)) this.#connection.pause();
  }

  complete(trailers: FieldLines): void {
    if (this.#content !== "arriving") return;
    this.trailers = trailers;
    this.#content = "whole";
    if (this.#beginning === undefined) this.#sink?.onEnd();
  }

  /** No more of the request will come. */
  lost(reason: TrailsumError | undefined): void {
    this.persistent = false;
    if (this.#content !== "arriving") return;
    this.#content = "lost";
    this.#reason = reason;
    if (this.#beginning === undefined) this.#sink?.onLost(reason);
  }

  drained(): void {
    if (!this.#blocked) return;
    this.#blocked = false;
    this.onDrain?.();
  }

  /** The server stops: the connection ends after this exchange. */
  makeLast(): void {
    this.persistent = false;
  }

  closed(): void {
    if (!this.ended) this.#state = "lost";
    this.lost(undefined);
    if (this.gone) this.onGone?.();
  }

  #framing({ header, length, hasContent, trailers }: OutgoingHead): string {
    const closeDelimited = hasContent && length === undefined && !trailers;
    const asked = header.get("Connection")?.toLowerCase();
    if (closeDelimited || asked?.includes("close") === true) this.persistent = false;
    let framing = "";
    if (asked === undefined) framing = this.persistent ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
    if (trailers) framing += "Transfer-Encoding: chunked\r\n";
    else if (length !== undefined && !header.has("Content-Length")) framing += `Content-Length: ${length}\r\n`;
    return framing;
  }
}

function requestOf({ client }: Http1Connection, head: RequestHead): InboundRequest {
  const header = FieldLines.owning(head.raw);
  const { framing, method, version: httpVersion } = head;
  const { target, host } = targetAndHost(head.target, header);
  const content =
    framing.kind === "chunked"
      ? { length: undefined, trailersPossible: true }
      : framing.kind === "length" && framing.length > 0
        ? { length: framing.length, trailersPossible: false }
        : undefined;
  return {
    method,
    target,
    host,
    header,
    httpVersion,
    remoteAddress: client.remoteAddress,
    protocol: client.protocol,
    content,
    upgrade: head.upgrade.length > 0 ? requestedUpgrade({ method, httpVersion, content, header }) : undefined,
    expectsContinue: head.expectContinue,
    message: undefined,
  };
}
