import { FieldLines, TrailsumError } from "@trailsum/shared";

import type { NodeRequest } from "./node-message.ts";

/**
 * What makes a request invalid though Node accepts it: a version other than HTTP/1.0 and HTTP/1.1 in a request line (RFC
 * 9112 section 2.3), or a `Host` that is not what `:authority` says (RFC 9113 section 8.3.1). Two recipients could read
 * such a request differently.
 */
export function headFault(req: NodeRequest): TrailsumError | undefined {
  return "stream" in req ? authorityFault(req) : versionFault(req.httpVersion);
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
