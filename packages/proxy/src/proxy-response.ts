import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

import { type FieldLines, sameFieldName, type TrailerPolicy } from "@trailsum/shared";

import { connectionOptions, endToEndFields } from "./hop-by-hop.ts";
import type { OriginResponse } from "./origin-response.ts";

/** A response as it will go to the client. A `modifyResponse` hook may change everything in it. */
export interface ProxyResponse {
  status: number;
  reason: string;
  /** Its header section: no hop-by-hop field is in it but what a hook puts there. */
  header: FieldLines;
  /** What the content shall pass through. It is then sent chunked, whatever its length was. */
  transform: Duplex | undefined;
  /** Changes the trailer fields that go on, once they are there. */
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
}

/** Chooses the framing, by what the client can take and what is known of the content. */
export function responseFraming(res: ServerResponse, response: ProxyResponse): ResponseFraming {
  const { status, header, transform } = response;
  const hasContent = res.req.method !== "HEAD" && status >= 200 && status !== 204 && status !== 304;
  const known = header.has("Content-Length") && transform === undefined;
  return { hasContent, chunked: hasContent && !known && res.req.httpVersion !== "1.0" };
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
  const { status, reason, transform } = response;
  let { header } = response;
  // What a body is long after a transformation only its end will tell.
  if (transform !== undefined) header = header.without((name) => sameFieldName(name, "Content-Length"));
  if (framing.chunked) {
    const announced = policy.announce({ declared: origin.list("Trailer"), hopByHop: connectionOptions(origin) });
    if (announced.length > 0) header = header.with("Trailer", announced.join(", "));
  }
  if (header.has("Date")) res.sendDate = false;
  res.writeHead(status, reason, [...header.raw]);
}
