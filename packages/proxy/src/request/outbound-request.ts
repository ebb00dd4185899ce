import type { InboundRequest } from "@trailsum/http/inbound";
import { FieldLines, isForwardingField, type TrailerContext, type TrailerPolicy } from "@trailsum/shared";

import { separateHeader, trailerContext } from "../hop-by-hop.ts";
import type { UpstreamBase } from "../upstream/upstreams.ts";
import { forwardedFields, forwardedNames, type ForwardedStyle } from "./forwarded-fields.ts";
import type { Via } from "../via.ts";
import { lessForwards } from "./max-forwards.ts";
import { withCleanQuery } from "./query.ts";
import { belowMountPath, joinTarget } from "./outbound-target.ts";

/** A request as it will go out. A `rewrite` hook may change everything in it. */
export interface OutboundRequest {
  /** The request method. */
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
  /** What is cut off the path of each request, without a slash at its end. */
  readonly mountPath: string | undefined;
  readonly via: Via;
  readonly hostHeader: "target" | "inbound";
  readonly forwarded: ForwardedStyle;
  readonly trustsForwarded: (address: string | undefined) => boolean;
  readonly trailers: TrailerPolicy;
  /** Whether a query that two parsers read differently is made unambiguous. */
  readonly cleanQuery: boolean;
  /** Whether what sends the request is known to send trailers: what may not come is not announced. */
  readonly sendsTrailers: boolean;
}

/**
 * The request to send for one that came in: without the fields for this hop, with those that describe the client, and aimed at the
 * target. `TE: trailers` is hop-by-hop too, and is sent again if the client sent it.
 */
export function outboundRequest(inbound: InboundRequest, base: UpstreamBase, policy: OutboundPolicy): OutboundRequest {
  const asked = belowMountPath(inbound.target, policy.mountPath);
  const trusted = policy.trustsForwarded(inbound.remoteAddress) ? inbound.header : undefined;
  const separated = separateHeader(inbound.header, trusted === undefined ? isUntrusted : isRemade);
  const fields = separated.endToEnd;
  fields.push(...forwardedFields(clientOf(inbound), policy.forwarded, trusted));
  fields.push("Via", policy.via.member(inbound.httpVersion));
  if (separated.takesTrailers) fields.push("TE", "trailers");
  const announced = policy.sendsTrailers ? announcedTrailers(inbound, policy.trailers, trailerContext(separated)) : [];
  if (announced.length > 0) fields.push("Trailer", announced.join(", "));
  return {
    method: inbound.method,
    origin: base.origin,
    target: joinTarget(base, policy.cleanQuery ? withCleanQuery(asked) : asked),
    host: policy.hostHeader === "inbound" ? inbound.host : undefined,
    header: lessForwards(FieldLines.owning(fields), inbound),
  };
}

/** The names under which trailers of a request may go on. */
export function announcedTrailers(
  { content }: InboundRequest,
  policy: TrailerPolicy,
  context: TrailerContext,
): string[] {
  return content?.trailersPossible === true ? policy.announce(context) : [];
}

function clientOf({ remoteAddress, host, protocol }: InboundRequest): Parameters<typeof forwardedFields>[0] {
  return { address: remoteAddress, host, protocol };
}

/** Fields that are written again for the next hop: routing, framing, expectations, forwarding. */
const REMADE: ReadonlySet<string> = new Set(["host", "content-length", "expect", ...forwardedNames]);

/**
 * What is removed from the request of a trusted proxy. It has no reason to write `X_Real_IP`: a field spelled like that
 * is its client's, which it has let through.
 */
function isRemade(folded: string, lower: string): boolean {
  return REMADE.has(folded) || (folded !== lower && isForwardingField(folded));
}

/** Fields that are removed from requests of untrusted clients. */
function isUntrusted(folded: string): boolean {
  return REMADE.has(folded) || isForwardingField(folded);
}
