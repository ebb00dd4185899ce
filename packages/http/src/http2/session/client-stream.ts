import { MAX_INTERIM_RESPONSES } from "../abuse-limits.ts";
import { ErrorCode } from "../error-code.ts";
import { StreamFault } from "../fault.ts";
import type { HpackField } from "../hpack/field.ts";
import { malformed } from "../message/malformed.ts";
import type { RequestControl } from "../message/request-head.ts";
import { hasNoContent, isInterim, readResponseHead, type ResponseHead } from "../message/response-head.ts";
import { requireReceiving } from "../stream-state.ts";
import type { Connection } from "./connection.ts";
import type { ResponseHandler } from "./handlers.ts";
import { Http2Stream, type SectionOptions } from "./stream.ts";

/** A stream of a client: it sends the request and receives the response. */
export class ClientStream extends Http2Stream {
  readonly #handler: ResponseHandler;
  readonly #method: string;
  /** Interim responses since content was sent last. */
  #interim = 0;

  constructor(connection: Connection, id: number, method: string, handler: ResponseHandler) {
    super(connection, id);
    this.handler = handler;
    this.#handler = handler;
    this.#method = method;
  }

  override send(content: Buffer, endStream?: boolean): number {
    this.#interim = 0;
    return super.send(content, endStream);
  }

  /** Sends the header section; `lines` are of `outgoingLines`. @internal */
  start(
    { method, scheme, authority, path, protocol }: RequestControl,
    lines: readonly string[],
    options: SectionOptions,
  ): void {
    const pseudo = [":method", method];
    if (protocol !== undefined) pseudo.push(":protocol", protocol);
    if (scheme !== undefined) pseudo.push(":scheme", scheme);
    if (authority !== undefined) pseudo.push(":authority", authority);
    if (path !== undefined) pseudo.push(":path", path);
    this.sending = "content";
    this.sendSection(pseudo, lines, options);
  }

  /** A header section of the response, or its trailers. @internal */
  override receiveSection(lines: readonly HpackField[], endStream: boolean): void {
    if (this.receiving === "content") {
      this.#handler.onTrailers(this.receivedTrailers(lines, endStream));
      this.closeIfEnded();
      return;
    }
    requireReceiving(this.state, "HEADERS");
    const head = readResponseHead(lines);
    if (isInterim(head.status)) {
      this.#receiveInterim(head, endStream);
      return;
    }
    this.#expect(head);
    this.receivedHeader(endStream);
    this.#handler.onResponse(head, endStream);
    if (endStream) this.closeIfEnded();
  }

  #receiveInterim(head: ResponseHead, endStream: boolean): void {
    // RFC 9113 section 8.1.
    if (endStream) throw malformed("an interim response with END_STREAM");
    this.#interim += 1;
    if (this.#interim > MAX_INTERIM_RESPONSES) {
      throw new StreamFault(ErrorCode.ENHANCE_YOUR_CALM, "too many interim responses");
    }
    this.#handler.onInterim(head);
  }

  /** RFC 9113 section 8.1.1, and RFC 9110 section 6.4.1: some responses have no content, regardless of Content-Length. */
  #expect({ status, contentLength }: ResponseHead): void {
    if (hasNoContent(status, this.#method)) this.expected.expect(0);
    else if (this.#method !== "CONNECT" || status >= 300) this.expected.expect(contentLength);
  }
}
