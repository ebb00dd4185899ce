import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

import { type FieldLine, FieldLines, sameFieldName, type TrailerPolicy } from "@trailsum/shared";

import { connectionOptions, endToEndFields } from "../hop-by-hop.ts";
import type { OriginResponse } from "./origin-response.ts";

/** A response as it will go to the client. A `modifyResponse` hook may change everything in it. */
export interface ProxyResponse {
  status: number;
  reason: string;
  /** Its header section: no hop-by-hop field is in it but what a hook puts there. */
  header: FieldLines;
  /** What the content shall pass through. It is then sent chunked, whatever its length was. */
  transform: Duplex | undefined;
  /** Changes the trailer fields that go on, or adds some, when the content has ended. */
  trailers: ((fields: FieldLines) => FieldLines) | undefined;
}

/** The response to send for one that came from the origin. */
export function proxyResponse(response: Pick<OriginResponse, "status" | "reason" | "header">): ProxyResponse {
  return {
    status: response.status,
    reason: response.reason,
    header: endToEndFields(response.header),
    transform: undefined,
    trailers: undefined,
  };
}

/** How a response's end is marked, and so whether trailers can stand behind it. */
export interface ResponseFraming {
  readonly hasContent: boolean;
  /** Chunked: there is room for trailers. */
  readonly chunked: boolean;
  /** The `Content-Length` to send, if one is sent. */
  readonly length: string | undefined;
}

/**
 * Chooses the framing, by what the client can take and what is known of the content. A hook can have its length left
 * out, and cannot make it another one: that would be the end of another message.
 */
export function responseFraming(res: ServerResponse, response: ProxyResponse, origin: FieldLines): ResponseFraming {
  const { status, header, transform } = response;
  const noContent = status < 200 || status === 204;
  const hasContent = res.req.method !== "HEAD" && !noContent && status !== 304;
  const told = noContent || transform !== undefined ? undefined : header.get("Content-Length");
  const length = told === undefined || !hasContent ? told : origin.get("Content-Length");
  return { hasContent, chunked: hasContent && length === undefined && res.req.httpVersion !== "1.0", length };
}

/**
 * Sends the head. `Trailer` announces, in the origin's order, those names under which something may follow, and is not
 * sent where nothing can.
 */
export function sendHead(
  res: ServerResponse,
  response: ProxyResponse,
  {
    framing,
    origin,
    policy,
  }: { readonly framing: ResponseFraming; readonly origin: FieldLines; readonly policy: TrailerPolicy },
): void {
  const { status, reason } = response;
  let header = withFieldsSetBefore(res, response.header);
  if (framing.length !== header.get("Content-Length")) header = withoutField(header, "Content-Length");
  if (framing.length !== undefined && !header.has("Content-Length"))
    header = header.with("Content-Length", framing.length);
  header = withoutField(header, "Transfer-Encoding");
  if (!framing.chunked) header = withoutField(header, "Trailer");
  else {
    const announced = policy.announce({ declared: origin.list("Trailer"), hopByHop: connectionOptions(origin) });
    if (announced.length > 0) header = header.with("Trailer", announced.join(", "));
  }
  if (header.has("Date")) res.sendDate = false;
  res.writeHead(status, reason, [...header.raw]);
}

/**
 * What middleware has set on the response stands before what the origin sent and is not replaced by it: a cookie of each
 * is two cookies. Of fields that can only stand once the origin's is sent; how the message is framed is ours to say.
 */
function withFieldsSetBefore(res: ServerResponse, header: FieldLines): FieldLines {
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

function withoutField(fields: FieldLines, unwanted: string): FieldLines {
  return fields.has(unwanted) ? fields.without((name) => sameFieldName(name, unwanted)) : fields;
}

const FRAMING: ReadonlySet<string> = new Set(["content-length", "transfer-encoding", "trailer"]);

const ONCE: ReadonlySet<string> = new Set(
  [
    "content-type content-encoding content-range content-location content-disposition accept-ranges",
    "date age expires etag last-modified location retry-after server x-powered-by strict-transport-security",
    "access-control-allow-origin access-control-allow-credentials access-control-max-age",
  ].flatMap((line) => line.split(" ")),
);
