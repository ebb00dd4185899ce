import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";

import type { InboundRequest, OutgoingHead } from "@trailsum/http/inbound";
import { FieldLines, type TrailerPolicy } from "@trailsum/shared";

import { isGrpc } from "../grpc.ts";
import { acceptsTrailers, type SeparatedHeader, trailerContext } from "../hop-by-hop.ts";
import type { Via } from "../via.ts";
import type { OriginResponse } from "./origin-response.ts";

/** A response as it will go to the client. A `modifyResponse` hook may change everything in it. */
export interface ProxyResponse {
  /** The status code. */
  status: number;
  /** The reason phrase; HTTP/2 has none and does not send it. */
  reason: string;
  /** Its header section: no hop-by-hop field is in it but what a hook puts there. */
  header: FieldLines;
  /** A transform for the content. The response is then sent without a length. */
  transform: Duplex | undefined;
  /** Changes the trailer fields that go on, or adds some, when the content has ended. */
  trailers: ((fields: FieldLines) => FieldLines) | undefined;
}

/** The response to send for one that came from the origin, whose header has been taken apart. */
export function proxyResponse(
  { status, reason, httpVersion }: Pick<OriginResponse, "status" | "reason" | "httpVersion">,
  { endToEnd }: Pick<SeparatedHeader, "endToEnd">,
  via: Via,
): ProxyResponse {
  endToEnd.push("Via", via.member(httpVersion));
  return {
    status,
    reason: reason === "" ? (STATUS_CODES[status] ?? "") : reason,
    header: FieldLines.owning(endToEnd),
    transform: undefined,
    trailers: undefined,
  };
}

/** What decides how a response is framed, beside the response itself. */
export interface FramingContext {
  readonly request: Pick<InboundRequest, "method" | "httpVersion" | "header">;
  readonly origin: Pick<OriginResponse, "trailersPossible">;
  readonly separated: SeparatedHeader;
  readonly policy: TrailerPolicy;
}

/**
 * The head to send. Its framing follows from what the client can take and what is known of the content. A hook may
 * remove Content-Length but not change it: a wrong length would desynchronise the connection. `Trailer` announces,
 * in the origin's order, those names under which something may follow, and is not sent where nothing can.
 */
export function responseHead(response: ProxyResponse, context: FramingContext): OutgoingHead {
  const { status, reason, transform } = response;
  const { method, httpVersion } = context.request;
  const noContent = status < 200 || status === 204;
  const hasContent = method !== "HEAD" && !noContent && status !== 304;
  let { header } = response;

  const forwardedLength = noContent || transform !== undefined ? undefined : header.get("Content-Length");
  let length = forwardedLength === undefined || !hasContent ? forwardedLength : context.separated.length;
  const announced =
    hasContent && httpVersion !== "1.0" && context.origin.trailersPossible ? announcedTrailers(context) : [];
  if (httpVersion === "1.1" && length !== undefined && givesUpLength(response, context, announced)) length = undefined;
  const trailers = hasContent && (httpVersion === "2.0" || (httpVersion === "1.1" && length === undefined));

  if (header.get("Content-Length") !== length) header = header.delete("Content-Length");
  header = header.delete("Transfer-Encoding");
  if (!trailers) header = header.delete("Trailer");
  else if (announced.length > 0) header = header.with("Trailer", announced.join(", "));
  return { status, reason, header, hasContent, trailers, length, givesUp: false };
}

/**
 * Whether content of a known length is sent in chunks over HTTP/1.1, since nothing can follow a length there: where an
 * HTTP/2 origin may send trailers after it and the client takes them (RFC 9110 section 10.1.4), or cannot do without, as
 * with the status of a gRPC call.
 */
function givesUpLength({ header }: ProxyResponse, context: FramingContext, announced: readonly string[]): boolean {
  const { origin, policy, request } = context;
  if (!origin.trailersPossible || !(announced.length > 0 || policy.passesUndeclared)) return false;
  return acceptsTrailers(request.header) || isGrpc(header.get("Content-Type"));
}

function announcedTrailers({ separated, policy }: FramingContext): string[] {
  return policy.announce(trailerContext(separated));
}
