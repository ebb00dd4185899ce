import { sameFieldName } from "@trailsum/shared";

import { parseContentLength } from "./content-length.ts";
import { checkOctets, parseFieldSection } from "./field-section.ts";
import type { MessageFraming } from "./message-reader.ts";
import { SyntaxFault, type SyntaxFaultCode } from "./syntax-fault.ts";
import { isChunked } from "./transfer-coding.ts";

/** The head of a response. */
export interface ResponseHead {
  /** The status code. */
  readonly status: number;
  /** The reason phrase; it may be empty. */
  readonly reason: string;
  /** Field lines: name, value, name, value, ... */
  readonly raw: string[];
  /** Whether the connection may serve another request after this message (RFC 9112 section 9.3). */
  readonly persistent: boolean;
  /** How the content is framed. */
  readonly framing: MessageFraming;
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: (.*))?$/s;

/**
 * Parses the head of a response to `method` in `bytes` from `start` to `end`, the CRLF of its last line.
 * What could be read in two ways is refused: both Content-Length and Transfer-Encoding, more than one Content-Length,
 * any transfer coding but chunked, a transfer coding from HTTP/1.0 (RFC 9112 sections 6.1 and 6.3). Throws a
 * {@link SyntaxFault}.
 */
export function parseResponseHead(
  bytes: Buffer,
  start: number,
  end: number,
  { method, maxFields }: { method: string; maxFields: number },
): ResponseHead {
  const lineEnd = bytes.indexOf("\r\n", start, "latin1");
  const text = bytes.toString("latin1", start, lineEnd);
  checkOctets(text);
  const line = STATUS_LINE.exec(text);
  if (line === null) throw new SyntaxFault("not an HTTP/1.1 status line", "INVALID_STATUS");
  const raw = parseFieldSection(bytes, lineEnd + 2, end + 2, maxFields);
  const status = Number(line[2]);
  const http10 = line[1] === "0";
  const fields = framingFields(raw);
  if (fields.coding !== undefined && !isChunked(bytes.toString("latin1", lineEnd, end))) {
    throw ambiguous("a transfer coding but chunked", "INVALID_TRANSFER_ENCODING");
  }
  const framing = contentFraming(fields, { status, method, http10 });
  const persistent = framing.kind !== "until-close" && (http10 ? fields.keepAlive && !fields.close : !fields.close);
  return { status, reason: line[3] ?? "", raw, persistent, framing };
}

interface FramingFields {
  length: string | undefined;
  coding: string | undefined;
  close: boolean;
  keepAlive: boolean;
}

function framingFields(raw: readonly string[]): FramingFields {
  const found: FramingFields = { length: undefined, coding: undefined, close: false, keepAlive: false };
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!;
    const value = raw[at + 1]!;
    // The lengths distinguish most names without looking at them.
    if (name.length === 14 && sameFieldName(name, "content-length")) {
      if (found.length !== undefined) throw ambiguous("more than one Content-Length", "UNEXPECTED_CONTENT_LENGTH");
      found.length = value;
    } else if (name.length === 17 && sameFieldName(name, "transfer-encoding")) {
      if (found.coding !== undefined) throw ambiguous("more than one Transfer-Encoding", "INVALID_TRANSFER_ENCODING");
      found.coding = value;
    } else if (name.length === 10 && sameFieldName(name, "connection")) {
      for (const option of value.toLowerCase().split(",")) {
        if (option.trim() === "close") found.close = true;
        if (option.trim() === "keep-alive") found.keepAlive = true;
      }
    }
  }
  return found;
}

function contentFraming(
  { length, coding }: FramingFields,
  { status, method, http10 }: { status: number; method: string; http10: boolean },
): MessageFraming {
  if (coding !== undefined) {
    if (length !== undefined) throw ambiguous("both Content-Length and Transfer-Encoding", "INVALID_CONTENT_LENGTH");
    if (http10) throw ambiguous("a transfer coding from HTTP/1.0", "INVALID_TRANSFER_ENCODING");
  }
  const bytes = length === undefined ? undefined : parseContentLength(length);
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) return { kind: "none" };
  if (method === "CONNECT" && status < 300) return { kind: "none" };
  if (coding !== undefined) return { kind: "chunked" };
  return bytes === undefined ? { kind: "until-close" } : { kind: "length", length: bytes };
}

function ambiguous(what: string, fault: SyntaxFaultCode): SyntaxFault {
  return new SyntaxFault(`the response has ${what}`, fault);
}
