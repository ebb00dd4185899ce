import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";

import { type FieldLine, FieldLines } from "@trailsum/shared";

/**
 * Fields that middleware has set on the response come before the origin's and are not replaced by them: a cookie of each
 * makes two cookies. Of fields that may occur only once the origin's is sent; framing fields are written by the proxy.
 */
export function withFieldsSetBefore(res: ServerResponse | Http2ServerResponse, header: FieldLines): FieldLines {
  const names = res.getHeaderNames();
  if (names.length === 0) return header;
  const before: FieldLine[] = [];
  for (const [name, given] of names.map((lower) => [lower, res.getHeader(lower)] as const)) {
    res.removeHeader(name);
    if (FRAMING.has(name) || (ONCE.has(name) && header.has(name))) continue;
    for (const value of [given ?? []].flat()) before.push([name, String(value)]);
  }
  return FieldLines.from([...before, ...header]);
}

const FRAMING: ReadonlySet<string> = new Set(["content-length", "transfer-encoding", "trailer"]);

const ONCE: ReadonlySet<string> = new Set(
  [
    "content-type content-encoding content-range content-location content-disposition accept-ranges",
    "date age expires etag last-modified location retry-after server x-powered-by strict-transport-security",
    "access-control-allow-origin access-control-allow-credentials access-control-max-age",
  ].flatMap((line) => line.split(" ")),
);
