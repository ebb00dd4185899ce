import { FieldLines, TrailsumError } from "@trailsum/shared";

import type { NodeRequest } from "./node-message.ts";

/**
 * What makes a request invalid though Node accepts it: a version other than HTTP/1.0 and HTTP/1.1 in a request line (RFC
 * 9112 section 2.3), a second or malformed `Host` (section 3.2), a transfer coding in HTTP/1.0 (section 6.1), or a `Host`
 * that differs from `:authority` (RFC 9113 section 8.3.1). Two recipients could read such a request differently.
 */
export function headFault(req: NodeRequest): TrailsumError | undefined {
  if ("stream" in req) return authorityFault(req);
  return versionFault(req.httpVersion) ?? hostFault(req) ?? codingFault(req);
}

/** A reg-name, an IP address, or an IP literal, and a port (RFC 3986 section 3.2). Empty where the target has no authority. */
const HOST = /^(?:\[[0-9a-f:.]+\]|[\w.~!$&'()*+,;=%-]*)(?::\d*)?$/i;

function hostFault({ rawHeaders }: NodeRequest): TrailsumError | undefined {
  const hosts = FieldLines.fromRaw(rawHeaders).getAll("Host");
  if (hosts.length > 1) return new TrailsumError("PROTOCOL", "the request has more than one Host line: send one");
  if (hosts.every((host) => HOST.test(host))) return undefined;
  return new TrailsumError("PROTOCOL", `${JSON.stringify(hosts[0])} is not a valid Host`);
}

function codingFault({ httpVersion, rawHeaders }: NodeRequest): TrailsumError | undefined {
  if (httpVersion !== "1.0" || !FieldLines.fromRaw(rawHeaders).has("Transfer-Encoding")) return undefined;
  return new TrailsumError("PROTOCOL", "HTTP/1.0 has no Transfer-Encoding: use HTTP/1.1");
}

function versionFault(version: string): TrailsumError | undefined {
  if (version === "1.1" || version === "1.0") return undefined;
  // Node reads a request line without a version as one of HTTP/0.9.
  if (version === "0.9") return new TrailsumError("PROTOCOL", "the request line names no version: use HTTP/1.1");
  return new TrailsumError("PROTOCOL", `HTTP/${version} is not spoken here: use HTTP/1.1`, { status: 505 });
}

function authorityFault({ rawHeaders }: NodeRequest): TrailsumError | undefined {
  const lines = FieldLines.fromRaw(rawHeaders);
  const authority = lines.get(":authority");
  const port = lines.get(":scheme") === "https" ? ":443" : ":80";
  const entities = new Set(
    [authority ?? [], lines.getAll("Host")].flat().map((text) => withoutPort(text.toLowerCase(), port)),
  );
  if (entities.size <= 1) return undefined;
  return new TrailsumError("PROTOCOL", "Host and :authority differ: send :authority alone");
}

function withoutPort(authority: string, port: string): string {
  return authority.endsWith(port) ? authority.slice(0, -port.length) : authority;
}
