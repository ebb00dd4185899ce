import type { InboundRequest } from "@trailsum/http/inbound";
import { type FieldLines, TrailsumError } from "@trailsum/shared";

/**
 * What makes a request invalid though its reader accepts it: a second or malformed `Host` (RFC 9112 section 3.2), a `Host`
 * that differs from `:authority` (RFC 9113 section 8.3.1), and what Node's parser lets pass: a version other than HTTP/1.0
 * and HTTP/1.1 in a request line (RFC 9112 section 2.3), a transfer coding in HTTP/1.0 (section 6.1). Two recipients could
 * read such a request differently.
 */
export function headFault({ httpVersion, header, host, protocol, message }: InboundRequest): TrailsumError | undefined {
  if (httpVersion === "2.0") return authorityFault(header, host, protocol);
  const version = message?.httpVersion ?? httpVersion;
  return versionFault(version) ?? hostFault(header) ?? codingFault(version, header);
}

/** A reg-name, an IP address, or an IP literal, and a port (RFC 3986 section 3.2). Empty where the target has no authority. */
const HOST = /^(?:\[[0-9a-f:.]+\]|[\w.~!$&'()*+,;=%-]*)(?::\d*)?$/i;

function hostFault(header: FieldLines): TrailsumError | undefined {
  const hosts = header.getAll("Host");
  if (hosts.length > 1) return new TrailsumError("PROTOCOL", "the request has more than one Host line: send one");
  if (hosts.every((host) => HOST.test(host))) return undefined;
  return new TrailsumError("PROTOCOL", `${JSON.stringify(hosts[0])} is not a valid Host`);
}

function codingFault(version: string, header: FieldLines): TrailsumError | undefined {
  if (version !== "1.0" || !header.has("Transfer-Encoding")) return undefined;
  return new TrailsumError("PROTOCOL", "HTTP/1.0 has no Transfer-Encoding: use HTTP/1.1");
}

function versionFault(version: string): TrailsumError | undefined {
  if (version === "1.1" || version === "1.0") return undefined;
  // Node reads a request line without a version as one of HTTP/0.9.
  if (version === "0.9") return new TrailsumError("PROTOCOL", "the request line names no version: use HTTP/1.1");
  return new TrailsumError("PROTOCOL", `HTTP/${version} is not spoken here: use HTTP/1.1`, { status: 505 });
}

function authorityFault(
  header: FieldLines,
  host: string | undefined,
  protocol: InboundRequest["protocol"],
): TrailsumError | undefined {
  const port = protocol === "https" ? ":443" : ":80";
  const named = [host ?? [], header.getAll("Host")].flat().map((text) => withoutPort(text.toLowerCase(), port));
  if (new Set(named).size <= 1) return undefined;
  return new TrailsumError("PROTOCOL", "Host and :authority differ: send :authority alone");
}

function withoutPort(authority: string, port: string): string {
  return authority.endsWith(port) ? authority.slice(0, -port.length) : authority;
}
