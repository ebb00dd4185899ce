import { listMembers, type OctetClass, octetClass, sameFieldName, TOKEN } from "@trailsum/shared";

import { expectationOf } from "../fields/expectation.ts";
import { parseContentLength } from "./content-length.ts";
import { parseFieldSection } from "./field-section.ts";
import type { MessageFraming } from "./message-reader.ts";
import { RequestFault } from "./request-fault.ts";
import { isChunked } from "./transfer-coding.ts";

/** The head of a request, and what its fields say of the message itself and of the connection. */
export interface RequestHead {
  /** The method, as received. */
  readonly method: string;
  /** As received: in origin-form, in absolute-form of http or https, `*`, or the authority of a CONNECT. */
  readonly target: string;
  /** The version of HTTP. */
  readonly version: "1.0" | "1.1";
  /** Field lines: name, value, name, value, ... */
  readonly raw: string[];
  /** A request never ends with its connection. */
  readonly framing: Exclude<MessageFraming, { kind: "until-close" }>;
  /** Whether the connection may carry another request after this one (RFC 9112 section 9.3). */
  readonly persistent: boolean;
  /** The value of the first `Host`. */
  readonly host: string | undefined;
  /** How many `Host` lines there are. HTTP/1.1 has at least one. */
  readonly hosts: number;
  /** Whether the client waits for a 100 before it sends the content (RFC 9110 section 10.1.1). */
  readonly expectContinue: boolean;
  /** What all `Connection` lines list, in lower case. */
  readonly connection: readonly string[];
  /** What all `Upgrade` lines list. */
  readonly upgrade: readonly string[];
}

const CR = 0x0d;
const LF = 0x0a;
const SP = 0x20;
const SLASH = 0x2f;

/** The octets of a target: no space, no control character, nothing beyond ASCII, and no fragment (RFC 9112 section 3.2). */
const TARGET = octetClass(/[!"$-~]/);

/** The schemes that a proxy for HTTP can be asked for, with a host, without user information (RFC 9110 section 4.2.4). */
const ABSOLUTE_FORM = /^https?:\/\/(?:\[[\da-f:.]+\]|[\w.~!$&'()*+,;=%-]+)(?::\d*)?(?:[/?]|$)/i;

const AUTHORITY_FORM = /^(?:\[[\da-f:.]+\]|[\w.~!$&'()*+,;=%-]+):\d+$/i;

const VERSION = /^HTTP\/\d\.\d$/;
const VERSION_LENGTH = "HTTP/1.1".length;

const NO_CONTENT: RequestHead["framing"] = { kind: "none" };
const CHUNKED: RequestHead["framing"] = { kind: "chunked" };
const NONE: readonly string[] = [];

/**
 * Parses the head of a request in `bytes` from `start` to `end`, the CRLF of its last line. What could be
 * read in two ways is refused: both Content-Length and Transfer-Encoding, more than one of either, any transfer coding
 * but chunked, a transfer coding from HTTP/1.0 (RFC 9112 sections 6.1 and 6.3). Throws a {@link RequestFault}, or a
 * `SyntaxFault` for malformed field lines.
 */
export function parseRequestHead(bytes: Buffer, start: number, end: number, maxFields: number): RequestHead {
  const { method, target, version, next } = requestLine(bytes, start);
  const raw = parseFieldSection(bytes, next, end + 2, maxFields);
  const { host, hosts, expectation, connection, upgrade, length, coding } = messageFields(raw);
  const http11 = version === "1.1";
  if (hosts === 0 && http11) throw new RequestFault("no Host", 400);
  // In HTTP/1.0 an expectation is to be ignored.
  const expected = http11 ? expectationOf(expectation) : "nothing";
  if (expected === "unknown") throw new RequestFault("an unknown expectation", 417);
  let framing = NO_CONTENT;
  if (coding !== undefined) {
    if (length !== undefined) throw new RequestFault("both Content-Length and Transfer-Encoding", 400);
    if (!http11) throw new RequestFault("a transfer coding from HTTP/1.0", 400);
    if (!isChunked(bytes.toString("latin1", next, end))) throw codingFault(coding);
    framing = CHUNKED;
  } else if (length !== undefined) {
    framing = { kind: "length", length: parseContentLength(length) };
  }
  const persistent = !connection.includes("close") && (http11 || connection.includes("keep-alive"));
  return {
    method,
    target,
    version,
    raw,
    framing,
    persistent,
    host,
    hosts,
    expectContinue: expected === "continue",
    connection,
    upgrade,
  };
}

/**
 * Refuses the beginning of a head that can never become one. A client of another protocol, such as TLS, might wait
 * for an answer, and no end of a head would ever come.
 */
export function checkBeginning(bytes: Buffer, start: number): void {
  const methodEnd = endOf(TOKEN, bytes, start);
  if (methodEnd < bytes.length && (methodEnd === start || bytes[methodEnd] !== SP)) throw badLine("no method");
}

interface RequestLine {
  readonly method: string;
  readonly target: string;
  readonly version: "1.0" | "1.1";
  /** The position after it. */
  readonly next: number;
}

function requestLine(bytes: Buffer, start: number): RequestLine {
  const methodEnd = endOf(TOKEN, bytes, start);
  if (methodEnd === start || bytes[methodEnd] !== SP) throw badLine("no method");
  const targetStart = methodEnd + 1;
  const targetEnd = endOf(TARGET, bytes, targetStart);
  if (targetEnd === targetStart || bytes[targetEnd] !== SP) throw badLine("no target");
  const end = targetEnd + 1 + VERSION_LENGTH;
  const line = bytes.toString("latin1", start, end);
  const version = versionOf(line.slice(-VERSION_LENGTH));
  if (bytes[end] !== CR || bytes[end + 1] !== LF) throw badLine("more than a version");
  const method = line.slice(0, methodEnd - start);
  const target = line.slice(targetStart - start, targetEnd - start);
  if (bytes[targetStart] !== SLASH || method === "CONNECT") checkTarget(method, target);
  return { method, target, version, next: end + 2 };
}

function endOf(octets: OctetClass, bytes: Buffer, start: number): number {
  let at = start;
  while (octets[bytes[at]!] === 1) at += 1;
  return at;
}

function versionOf(text: string): "1.0" | "1.1" {
  if (text === "HTTP/1.1") return "1.1";
  if (text === "HTTP/1.0") return "1.0";
  if (VERSION.test(text)) throw new RequestFault(`${text} in place of HTTP/1.1`, 505);
  throw badLine("no version");
}

/** Refuses a target that is in none of the forms that its method may have (RFC 9112 section 3.2). */
function checkTarget(method: string, target: string): void {
  const fits =
    method === "CONNECT"
      ? AUTHORITY_FORM.test(target)
      : ABSOLUTE_FORM.test(target) || (target === "*" && method === "OPTIONS");
  if (!fits) throw badLine("a target in none of the forms");
}

function badLine(what: string): RequestFault {
  return new RequestFault(`a request line with ${what}`, 400);
}

interface MessageFields {
  host: string | undefined;
  hosts: number;
  expectation: string | undefined;
  connection: readonly string[];
  upgrade: readonly string[];
  length: string | undefined;
  coding: string | undefined;
}

/** The fields that say something of the message itself or of the connection; lengths distinguish them from most others. */
function messageFields(raw: readonly string[]): MessageFields {
  const found: MessageFields = {
    host: undefined,
    hosts: 0,
    expectation: undefined,
    connection: NONE,
    upgrade: NONE,
    length: undefined,
    coding: undefined,
  };
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!;
    const value = raw[at + 1]!;
    switch (name.length) {
      case 4:
        if (!sameFieldName(name, "host")) break;
        found.host ??= value;
        found.hosts += 1;
        break;
      case 6:
        if (!sameFieldName(name, "expect")) break;
        found.expectation = found.expectation === undefined ? value : `${found.expectation}, ${value}`;
        break;
      case 7:
        if (!sameFieldName(name, "upgrade")) break;
        found.upgrade = joined(found.upgrade, value);
        break;
      case 10:
        if (!sameFieldName(name, "connection")) break;
        found.connection = joined(found.connection, value.toLowerCase());
        break;
      case 14:
        if (!sameFieldName(name, "content-length")) break;
        if (found.length !== undefined) throw new RequestFault("more than one Content-Length", 400);
        found.length = value;
        break;
      case 17:
        if (!sameFieldName(name, "transfer-encoding")) break;
        if (found.coding !== undefined) throw new RequestFault("more than one Transfer-Encoding", 400);
        found.coding = value;
        break;
      default:
    }
  }
  return found;
}

/** A list with the members of one more line. */
function joined(list: readonly string[], value: string): readonly string[] {
  return list.length === 0 ? listMembers(value) : [...list, ...listMembers(value)];
}

/** A request whose last coding is not chunked has no end (RFC 9112 section 6.3); other codings are not supported (6.1). */
function codingFault(value: string): RequestFault {
  const codings = listMembers(value.toLowerCase());
  const chunkedLast = codings.length > 1 && codings.indexOf("chunked") === codings.length - 1;
  return chunkedLast
    ? new RequestFault("a transfer coding but chunked", 501)
    : new RequestFault("content whose last transfer coding is not chunked, or chunked twice", 400);
}
