import { type FieldLines, TrailsumError } from "@trailsum/shared";

import type { HpackField } from "../hpack/field.ts";
import type { RequestHead } from "../message/request-head.ts";
import { outgoingLines } from "../message/outgoing-section.ts";
import { isInterim } from "../message/response-head.ts";
import { Http2Stream, type SectionOptions } from "./stream.ts";

/** A stream of a server: it receives the request and sends the response. */
export class ServerStream extends Http2Stream {
  /** Sends an interim response (1xx). Throws a `TrailsumError` with USAGE for another status, for 101, and after the final one. */
  sendInterim(status: number, fields: FieldLines): void {
    if (this.state === "closed") return;
    this.requireHeader("an interim response");
    if (!isInterim(status) || status === 101) throw invalidStatus(status);
    this.sendSection([":status", statusText(status)], outgoingLines(fields), {});
  }

  /**
   * Sends the header section of the final response; content and trailers may follow. Throws a `TrailsumError` with USAGE for an interim
   * status, for lines that may not be sent over HTTP/2, and a second time.
   */
  respond(status: number, fields: FieldLines, options: SectionOptions = {}): void {
    if (this.state === "closed") return;
    this.requireHeader("the header section");
    if (isInterim(status)) throw invalidStatus(status);
    const pseudo = [":status", statusText(status)];
    const lines = outgoingLines(fields);
    this.sending = "content";
    this.sendSection(pseudo, lines, options);
  }

  /** The header section of the request: checked, except for what depends on its end. @internal */
  receiveRequest({ method, protocol, contentLength }: RequestHead, endStream: boolean): void {
    // The bytes after CONNECT are not content (RFC 9110 section 9.3.6).
    if (method !== "CONNECT" && protocol === undefined) this.expected.expect(contentLength);
    this.receivedHeader(endStream);
  }

  /** The trailers of the request. @internal */
  override receiveSection(lines: readonly HpackField[], endStream: boolean): void {
    const trailers = this.receivedTrailers(lines, endStream);
    this.handler?.onTrailers(trailers);
    this.closeIfEnded();
  }
}

function statusText(status: number): string {
  if (!Number.isInteger(status) || status < 100 || status > 999) throw invalidStatus(status);
  return String(status);
}

function invalidStatus(status: number): TrailsumError {
  return new TrailsumError("USAGE", `the status ${status} cannot be sent here`);
}
