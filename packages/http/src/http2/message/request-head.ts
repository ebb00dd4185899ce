import { type FieldLines, isFieldValue, isToken } from "@trailsum/shared";

import type { HpackField } from "../hpack/field.ts";
import { FieldKind, fieldKind, isPseudo } from "./field-kind.ts";
import { readFieldSection } from "./field-section.ts";
import { malformed } from "./malformed.ts";

/** The control data of a request (RFC 9113 section 8.3.1, RFC 8441 section 4). */
export interface RequestControl {
  /** The method. */
  readonly method: string;
  /** `http`, `https` or another scheme; undefined for CONNECT. */
  readonly scheme: string | undefined;
  /** Host and port, without user information. A client may send Host in its place, which is then among the fields. */
  readonly authority: string | undefined;
  /** Path and query, or `*`; nothing for CONNECT. */
  readonly path: string | undefined;
  /** What an extended CONNECT asks for, such as `websocket`. */
  readonly protocol: string | undefined;
}

/** The header section of a request that was received. */
export interface RequestHead extends RequestControl {
  /**
   * The regular lines in their order, duplicates included. The parts of a cookie may be separate lines, to be joined by `; ` for HTTP/1.1
   * (RFC 9113 section 8.2.3).
   */
  readonly fields: FieldLines;
  /** The value of Content-Length, with which the content agrees when it ends. */
  readonly contentLength: number | undefined;
  /** The names of lines that an intermediary has to send as never-indexed literals again (RFC 7541 section 6.2.3). */
  readonly neverIndexed: readonly string[] | undefined;
}

type Pseudo = { -readonly [Name in keyof RequestControl]: string | undefined };

/** RFC 3986 section 3.1. */
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*$/;

/** RFC 3986 section 3.2, without user information (RFC 9113 section 8.3.1): a name, or an address in brackets, and a port. */
const AUTHORITY = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=%]+|\[[A-Za-z0-9\-._~!$&'()*+,;=%:]+\])(?::\d*)?$/;

/** No control character, space or fragment; octets beyond ASCII are left to the resource. */
const PATH = /^[\x21\x22\x24-\x7e\x80-\xff]+$/;

/**
 * Reads the header section of a request. `extendedConnect` says whether `:protocol` was enabled. Throws a
 * {@link StreamFault} for what makes the request malformed (RFC 9113 sections 8.1.1 to 8.3.1 and 8.5).
 */
export function readRequestHead(lines: readonly HpackField[], extendedConnect: boolean): RequestHead {
  const pseudo: Pseudo = {
    method: undefined,
    scheme: undefined,
    authority: undefined,
    path: undefined,
    protocol: undefined,
  };
  let at = 0;
  for (; at < lines.length; at += 1) {
    const line = lines[at]!;
    const kind = fieldKind(line);
    if (!isPseudo(kind)) break;
    setPseudo(pseudo, kind, line);
  }
  const { fields, contentLength, host, neverIndexed } = readFieldSection(lines, at);
  const control = checkedControl(pseudo, extendedConnect);
  checkHost(control, host);
  return { ...control, fields, contentLength, neverIndexed };
}

/** Throws a {@link StreamFault} for control data that no request may have. */
export function checkedControl(pseudo: Pseudo, extendedConnect: boolean): RequestControl {
  const { method, scheme, authority, path, protocol } = pseudo;
  if (method === undefined || !isToken(method)) throw malformed("no method, or an invalid one");
  if (authority !== undefined && !AUTHORITY.test(authority)) throw malformed("an invalid :authority");
  if (protocol !== undefined) {
    // RFC 8441 section 4.
    if (!extendedConnect || method !== "CONNECT") throw malformed(":protocol where it may not be used");
    // Which protocols there are is for the resource to say: it answers with 501 (RFC 9220 section 3).
    if (protocol === "" || !isFieldValue(protocol)) throw malformed("an invalid :protocol");
  } else if (method === "CONNECT") {
    // RFC 9113 section 8.5.
    if (scheme !== undefined || path !== undefined) throw malformed("CONNECT with :scheme or :path");
    if (authority === undefined) throw malformed("CONNECT without :authority");
    return { method, scheme, authority, path, protocol };
  }
  if (scheme === undefined || !SCHEME.test(scheme)) throw malformed("no :scheme, or an invalid one");
  if (path === undefined || !isPath(path, method, scheme)) throw malformed("no :path, or an invalid one");
  return { method, scheme, authority, path, protocol };
}

/** RFC 9113 section 8.3.1: an absolute path, or `*` for OPTIONS; of other schemes, anything that is not empty. */
function isPath(path: string, method: string, scheme: string): boolean {
  if (!PATH.test(path)) return false;
  if (path.startsWith("/")) return true;
  return path === "*" ? method === "OPTIONS" : defaultPort(scheme) === undefined;
}

function setPseudo(pseudo: Pseudo, kind: number, { name, value }: HpackField): void {
  const part = PARTS[kind];
  // RFC 9113 section 8.3: neither undefined ones, nor those of responses, nor one twice.
  if (part === undefined) throw malformed(`the pseudo-header field ${JSON.stringify(name)} in a request`);
  if (pseudo[part] !== undefined) throw malformed(`${name} more than once`);
  pseudo[part] = value;
}

const PARTS: Readonly<Record<number, keyof RequestControl>> = {
  [FieldKind.METHOD]: "method",
  [FieldKind.SCHEME]: "scheme",
  [FieldKind.AUTHORITY]: "authority",
  [FieldKind.PATH]: "path",
  [FieldKind.PROTOCOL]: "protocol",
};

/** RFC 9113 section 8.3.1: a Host names the same as `:authority`, after normalization by the scheme (RFC 3986 section 6.2.3). */
function checkHost({ scheme, authority }: RequestControl, host: string | undefined): void {
  // Section 8.3.1 again: of a scheme whose URIs have an authority, one of them is there.
  if (host === undefined && authority === undefined && defaultPort(scheme) !== undefined) {
    throw malformed("neither :authority nor Host");
  }
  if (host === undefined || host === authority) return;
  if (!AUTHORITY.test(host)) throw malformed("an invalid Host");
  if (authority !== undefined && normalized(host, scheme) !== normalized(authority, scheme)) {
    throw malformed("Host differs from :authority");
  }
}

function normalized(authority: string, scheme: string | undefined): string {
  const port = defaultPort(scheme);
  return authority.toLowerCase().replace(port === undefined ? /:$/ : new RegExp(`:(?:${port})?$`), "");
}

function defaultPort(scheme: string | undefined): string | undefined {
  const name = scheme?.toLowerCase();
  if (name === "http") return "80";
  return name === "https" ? "443" : undefined;
}
