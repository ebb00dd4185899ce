import type { FieldLines, TrailerPolicy } from "@trailsum/shared";

import { type ForwardedStyle, withForwardedFields } from "./forwarded-fields.ts";
import { acceptsTrailers, connectionOptions, endToEndFields } from "../hop-by-hop.ts";
import { hasContent, type InboundRequest } from "./inbound-request.ts";
import { joinTarget } from "./request-target.ts";

/** A request as it will go out. A `rewrite` hook may change everything in it. */
export interface OutboundRequest {
  method: string;
  /** Where it goes: `http://host:port` or `https://host:port`. */
  origin: string;
  /** Path and query, escaped. */
  target: string;
  /** Its `Host`; the origin's own where it is not set. */
  host: string | undefined;
  /** Its header section: no hop-by-hop field is in it but what a hook puts there. */
  header: FieldLines;
}

/** How requests are made out of requests. */
export interface OutboundPolicy {
  readonly host: "target" | "inbound";
  readonly forwarded: ForwardedStyle;
  readonly trustsForwarded: (address: string | undefined) => boolean;
  readonly trailers: TrailerPolicy;
  /** Whether what sends the request is known to send trailers: what may not come is not announced. */
  readonly sendsTrailers: boolean;
}

/**
 * The request to send for one that came in: stripped of what was meant for this hop, told who asked, and aimed at the
 * target. `TE: trailers` is this hop's word too, and is said anew where the client said it.
 */
export function outboundRequest(inbound: InboundRequest, base: URL, policy: OutboundPolicy): OutboundRequest {
  const { header: all, host } = inbound;
  let header = endToEndFields(all).without((name) => REMADE.has(name.toLowerCase()));
  header = withForwardedFields(header, clientOf(inbound), {
    style: policy.forwarded,
    trusted: policy.trustsForwarded(inbound.remoteAddress),
  });
  if (acceptsTrailers(all)) header = header.with("TE", "trailers");
  const announced = policy.sendsTrailers ? announcedTrailers(inbound, policy.trailers) : [];
  if (announced.length > 0) header = header.with("Trailer", announced.join(", "));
  return {
    method: inbound.method,
    origin: base.origin,
    target: joinTarget(base, inbound.target),
    host: policy.host === "inbound" ? host : undefined,
    header,
  };
}

/** The names under which trailers of a request may go on. Only chunked content has trailers behind it. */
export function announcedTrailers(inbound: InboundRequest, policy: TrailerPolicy): string[] {
  if (!inbound.header.has("Transfer-Encoding") || !hasContent(inbound)) return [];
  return policy.announce({ declared: inbound.header.list("Trailer"), hopByHop: connectionOptions(inbound.header) });
}

function clientOf({ remoteAddress, host, protocol }: InboundRequest): Parameters<typeof withForwardedFields>[1] {
  return { address: remoteAddress, host, protocol };
}

/** What is said anew for the next hop: where the message goes, how it is framed, what its sender waits for. */
const REMADE: ReadonlySet<string> = new Set(["host", "content-length", "expect"]);
