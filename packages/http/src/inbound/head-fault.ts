import { isToken, TrailsumError } from "@trailsum/shared";

import { expectationOf } from "../fields/expectation.ts";
import type { InboundRequest } from "./inbound-request.ts";
import type { RequestTarget } from "./request-target.ts";

/**
 * What makes a request invalid although its reader, or Node's, accepts it: a second or malformed `Host` (RFC 9112 section
 * 3.2), a `Host` that differs from `:authority` (RFC 9113 section 8.3.1), an invalid method or target, an unknown expectation
 * (RFC 9110 section 10.1.1), and what Node's parser accepts: a version other than HTTP/1.0 and HTTP/1.1 in a request line
 * (RFC 9112 section 2.3), a transfer coding in HTTP/1.0 (section 6.1). Two recipients could read such a request differently.
 * A plain CONNECT is not checked for its target, which has authority-form (section 3.2.3). HTTP/1.0 requests need no host.
 */
export function headFault(request: InboundRequest): TrailsumError | undefined {
  return versionFault(request) ?? hostFault(request) ?? targetFault(request) ?? expectationFault(request);
}

function versionFault({ message, httpVersion, header }: InboundRequest): TrailsumError | undefined {
  const version = message?.httpVersion ?? httpVersion;
  if (httpVersion === "2.0" || version === "1.1") return undefined;
  // Node reads a request line without a version as one of HTTP/0.9.
  if (version === "0.9") return new TrailsumError("PROTOCOL", "the request line names no version: use HTTP/1.1");
  if (version !== "1.0") {
    return new TrailsumError("PROTOCOL", `HTTP/${version} is not supported: use HTTP/1.1`, { status: 505 });
  }
  if (!header.has("Transfer-Encoding")) return undefined;
  return new TrailsumError("PROTOCOL", "HTTP/1.0 has no Transfer-Encoding: use HTTP/1.1");
}

/** RFC 3986 section 3.2 without user information: a name, an IPv4 address or a bracketed IPv6 one, and perhaps a port. */
const AUTHORITY = /^(?:\[[\da-f:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})*)(?::\d*)?$/i;

function hostFault({ httpVersion, header, host, protocol }: InboundRequest): TrailsumError | undefined {
  const hosts = header.getAll("Host");
  if (hosts.length > 1) return new TrailsumError("PROTOCOL", "the request has more than one Host line: send one");
  const named = host === undefined ? hosts : [host, ...hosts];
  const invalid = named.find((name) => !AUTHORITY.test(name));
  if (invalid !== undefined)
    return new TrailsumError("PROTOCOL", `${JSON.stringify(withoutUser(invalid))} is not a valid Host`);
  // In HTTP/1.1 the host of an absolute-form target replaces that of the Host field (RFC 9112 section 3.2.2).
  if (httpVersion !== "2.0" || named.length < 2) return undefined;
  const port = protocol === "https" ? ":443" : ":80";
  if (new Set(named.map((name) => withoutPort(name.toLowerCase(), port))).size === 1) return undefined;
  return new TrailsumError("PROTOCOL", "Host and :authority differ: send :authority alone");
}

function withoutPort(authority: string, port: string): string {
  return authority.endsWith(port) ? authority.slice(0, -port.length) : authority;
}

/** No space, no control character, no fragment (RFC 9112 section 3.2). */
const TARGET = /^[!"$-~]*$/;

function targetFault({ method, upgrade, target, httpVersion }: InboundRequest): TrailsumError | undefined {
  if (!isToken(method)) return new TrailsumError("PROTOCOL", "the request's method is invalid");
  if ((method === "CONNECT" && upgrade === undefined) || isValidTarget(target, httpVersion)) return undefined;
  return new TrailsumError("PROTOCOL", "the request's target is invalid");
}

/** Whether a target is in a form that it may have; HTTP/2 has no absolute-form (RFC 9113 section 8.3.1). */
function isValidTarget({ path, query, authority }: RequestTarget, httpVersion: InboundRequest["httpVersion"]): boolean {
  if (authority !== undefined && httpVersion === "2.0") return false;
  const begins = path.startsWith("/") || path === "*" || (path === "" && authority !== undefined);
  return begins && TARGET.test(path) && (query === undefined || TARGET.test(query));
}

/** HTTP/1.0 ignores expectations (RFC 9110 section 10.1.1). */
function expectationFault({ httpVersion, header }: InboundRequest): TrailsumError | undefined {
  if (httpVersion === "1.0" || expectationOf(header.get("Expect")) !== "unknown") return undefined;
  return new TrailsumError("EXPECTATION_FAILED", "unknown expectation");
}

/** An authority for messages: user information may be a password. */
function withoutUser(authority: string): string {
  return authority.replace(/^.*@/s, "***@");
}
