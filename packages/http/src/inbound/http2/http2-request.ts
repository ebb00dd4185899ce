import { FieldLines } from "@trailsum/shared";

import { expectationOf } from "../../fields/expectation.ts";
import type { ClientInfo, InboundRequest } from "../inbound-request.ts";
import { parseRequestTarget } from "../request-target.ts";

/** The header section of a request that came over HTTP/2, well-formed by RFC 9113 section 8.3. */
export interface Http2RequestHead {
  readonly method: string;
  /** Nothing for CONNECT. */
  readonly path: string | undefined;
  readonly authority: string | undefined;
  /** What an extended CONNECT asks for. */
  readonly protocol: string | undefined;
  /** The regular lines. */
  readonly fields: FieldLines;
}

/** What is known of a request beside its header section. */
export interface Http2RequestContext {
  /** Whether no content follows. */
  readonly whole: boolean;
  readonly client: ClientInfo;
}

/** An HTTP/2 request as an inbound request. Its host is `:authority`, or `Host` without that. */
export function http2Request(
  { method, path = "/", authority, protocol, fields }: Http2RequestHead,
  { whole, client }: Http2RequestContext,
): InboundRequest {
  const header = withCookieJoined(fields);
  const length = header.get("content-length");
  return {
    // What is a CONNECT with a protocol here is a GET with an `Upgrade` in HTTP/1.1 (RFC 8441 section 5).
    method: protocol === undefined ? method : "GET",
    target: parseRequestTarget(path),
    header,
    host: authority ?? header.get("host"),
    httpVersion: "2.0",
    remoteAddress: client.remoteAddress,
    protocol: client.protocol,
    content: whole ? undefined : { length: length === undefined ? undefined : Number(length), trailersPossible: true },
    upgrade: protocol,
    expectsContinue: expectationOf(header.get("expect")) === "continue",
    message: undefined,
  };
}

/** A cookie may come in several lines, and is one field line elsewhere (RFC 9113 section 8.2.3). Names are in lower case. */
function withCookieJoined(fields: FieldLines): FieldLines {
  const { raw } = fields;
  let first = -1;
  let joined: string[] | undefined;
  for (let at = 0; at < raw.length; at += 2) {
    const isCookie = raw[at] === "cookie";
    if (isCookie && first === -1) first = at;
    else if (isCookie) {
      joined ??= raw.slice(0, at);
      joined[first + 1] += `; ${raw[at + 1]!}`;
    } else joined?.push(raw[at]!, raw[at + 1]!);
  }
  return joined === undefined ? fields : FieldLines.owning(joined);
}
