import { once } from "node:events";
import { type IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";

import { FieldLines } from "@trailsum/shared";

import { switchHead } from "../../http1/switch-head.ts";
import { resetConnection } from "../../transport/reset-connection.ts";
import {
  type ClientConnection,
  clientGoneError,
  type InboundExchange,
  type OutgoingHead,
  headerWithAdded,
} from "../inbound-exchange.ts";
import { clientAddress, type InboundRequest, requestedUpgrade, targetAndHost } from "../inbound-request.ts";
import { withFieldsSetBefore } from "./fields-set-before.ts";
import { NodeContent } from "./node-content.ts";
import { sendInterim } from "./node-interim.ts";
import { routedTarget } from "./node-message.ts";
import { closeAfterResponse, discardRest, whenDiscarded } from "./unread-request.ts";

/** The connection that Node has released, because the request asked for an upgrade. */
export interface Upgrading {
  readonly socket: Duplex;
  /** What followed the head. */
  readonly head: Buffer;
}

/** How a request came through a server of Node's. */
export interface NodeExchangeOptions {
  /** Whether the client waits for a 100, which Node has not sent. */
  readonly waits?: boolean;
  /** Whether the target is that of the client, unchanged by a router. */
  readonly original: boolean;
  readonly upgrading?: Upgrading | undefined;
}

/** An exchange of HTTP/1.1 through a server of Node's: node:http, and every framework that exposes its objects. */
export class NodeExchange implements InboundExchange {
  /** The request. */
  readonly request: InboundRequest;
  readonly content: NodeContent | undefined;
  /** The connection of the client. */
  readonly connection: ClientConnection;
  readonly #res: ServerResponse;
  readonly #upgrading: Upgrading | undefined;
  onGone: (() => void) | undefined;
  onDrain: (() => void) | undefined;
  addedFields: FieldLines | undefined;
  status: number | undefined;
  contentSent = 0;
  #switched = false;
  /** Whether the connection is closed after an answer that its length delimits, with content still to come. */
  #lingers = false;

  constructor(req: IncomingMessage, res: ServerResponse, { waits = false, original, upgrading }: NodeExchangeOptions) {
    this.#res = res;
    this.connection = req.socket;
    this.#upgrading = upgrading;
    const request = nodeRequest(req, { waits, original });
    // Without an `upgrade` listener Node has not released the connection, and it cannot be switched.
    this.request = upgrading === undefined ? { ...request, upgrade: undefined } : request;
    this.content = this.request.content === undefined ? undefined : new NodeContent(req);
    res.on("close", () => this.#onClose()).on("drain", () => this.onDrain?.());
    res.on("error", () => {});
  }

  get contentReceived(): number {
    return this.content?.received ?? 0;
  }

  get gone(): boolean {
    return this.#res.destroyed && !this.#res.writableFinished;
  }

  interim(status: number, header: FieldLines): void {
    sendInterim(this.#res, status, header);
  }

  head({ status, reason, header, length, hasContent, trailers, givesUp }: OutgoingHead): void {
    const res = this.#res;
    const whole = headerWithAdded(this, header);
    const own = length === undefined || whole.has("Content-Length") ? whole : whole.set("Content-Length", length);
    const fields = withFieldsSetBefore(res, own);
    if (fields.has("Date")) res.sendDate = false;
    // The rest of a request that was not read completely would be parsed as the next request.
    if (givesUp && this.content !== undefined && !res.req.complete) {
      res.setHeader("Connection", "close");
      this.#lingers = length !== undefined && this.#upgrading === undefined;
    }
    res.writeHead(status, reason, sentLast(fields, "Content-Length"));
    this.status = status;
    // What is written in this turn goes out with the head in one write. If nothing is, the head goes alone.
    if (hasContent && (trailers || length !== "0")) {
      setImmediate(() => {
        if (!res.writableEnded && res.writableLength === 0 && !res.destroyed) res.flushHeaders();
      });
    }
  }

  write(piece: Buffer): boolean {
    this.contentSent += piece.length;
    return piece.length === 0 || this.#res.write(piece);
  }

  end(trailers: FieldLines): void {
    if (trailers.length > 0)
      this.#res.addTrailers([...trailers].map(([name, value]): [string, string] => [name, value]));
    if (!this.#lingers) this.#res.end();
    else {
      // Node closes the connection when the response ends, and unread content would make that a reset.
      this.#res.flushHeaders();
      whenDiscarded(this.#res.req, () => this.#res.end());
    }
  }

  whenSent(done: () => void, failed: (error: Error) => void): void {
    const res = this.#res;
    const settle = (): void => {
      res.off("finish", settle).off("close", settle);
      if (res.writableFinished) done();
      else failed(clientGoneError());
    };
    if (res.writableFinished || res.destroyed) settle();
    else res.once("finish", settle).once("close", settle);
  }

  /**
   * The connection is reset: where only its end marks the end of the response, an orderly one would look like success, and a
   * client that does not close its side would otherwise be waited for.
   */
  abort(): void {
    const res = this.#res;
    if (res.socket !== null) resetConnection(res.socket);
    res.destroy();
  }

  conclude(): void {
    if (this.#lingers) return;
    if (this.#upgrading === undefined) discardRest(this.#res.req);
    else if (!this.#switched && this.#res.writableFinished) closeAfterResponse(this.#upgrading.socket);
  }

  switchTo(protocol: string, header: FieldLines): Duplex {
    const { socket, head } = this.#upgrading!;
    const text = switchHead(protocol, header);
    this.#switched = true;
    this.#res.detachSocket(socket as never);
    socket.write(text, "latin1");
    if (head.length > 0) socket.unshift(head);
    return socket;
  }

  #onClose(): void {
    if (!this.#res.writableFinished) this.onGone?.();
  }
}

/**
 * Waits for the responses to earlier, pipelined requests: Node emits `upgrade` while they are still being sent, and a
 * socket carries one response at a time (`assignSocket` throws otherwise).
 */
export async function earlierAnswers(
  socket: Duplex & { readonly _httpMessage?: ServerResponse | null },
): Promise<void> {
  while (socket._httpMessage && !socket.destroyed) await once(socket._httpMessage, "close").catch(() => {});
}

/**
 * Field lines in Node's raw form. After a Content-Length, Node reads a Content-Disposition as UTF-8 and sends other octets
 * than it was given, or throws (node#58240): so the length goes last.
 */
function sentLast(fields: FieldLines, name: string): string[] {
  const { raw } = fields;
  if (!fields.has("Content-Disposition") || !fields.has(name)) return [...raw];
  const last = fields.getAll(name).flatMap((value) => [name, value]);
  return [...fields.delete(name).raw, ...last];
}

/** The exchange of a request whose connection Node has released, because it asked for an upgrade. */
export function upgradeExchange(req: IncomingMessage, upgrading: Upgrading, original: boolean): NodeExchange {
  const { socket } = upgrading;
  const res = new ServerResponse(req);
  res.shouldKeepAlive = false;
  res.assignSocket(socket as never);
  // Which it is only without TLS. The end of one direction is not the end of the other.
  if ("allowHalfOpen" in socket) socket.allowHalfOpen = true;
  return new NodeExchange(req, res, { original, upgrading });
}

/** Whether a request that Node emits an `upgrade` event for asks for a protocol that is tunnelled. */
export function asksForUpgrade(message: IncomingMessage): boolean {
  return nodeRequest(message, { original: false }).upgrade !== undefined;
}

/** A request of node:http in the terms of all requests. */
export function nodeRequest(
  message: IncomingMessage,
  { waits = false, original }: NodeExchangeOptions,
): InboundRequest {
  const header = FieldLines.fromRaw(message.rawHeaders);
  const method = message.method ?? "GET";
  const httpVersion = message.httpVersion === "1.0" ? "1.0" : "1.1";
  const { url, mountPath } = routedTarget(message, original);
  const content = contentOutline(header);
  return {
    method,
    ...targetAndHost(url, header),
    mountPath,
    header,
    httpVersion,
    remoteAddress: clientAddress(message.socket.remoteAddress),
    protocol: message.socket instanceof TLSSocket ? "https" : "http",
    content,
    upgrade: requestedUpgrade({ method, httpVersion, content, header }),
    expectsContinue: waits,
    message,
  };
}

/** Content follows a head that has a length or a transfer coding (RFC 9112 section 6). */
function contentOutline(header: FieldLines): InboundRequest["content"] {
  if (header.has("Transfer-Encoding")) return { length: undefined, trailersPossible: true };
  const length = Number(header.get("Content-Length") ?? 0);
  return length === 0 ? undefined : { length, trailersPossible: false };
}
