import type { Http2ServerRequest } from "node:http2";

import { FieldLines } from "@trailsum/shared";

import { expectationOf } from "../../request/expectation.ts";
import type { InboundRequest, RequestOrigin } from "../../request/inbound-request.ts";
import { parseRequestTarget } from "../../request/request-target.ts";

/** What is known of a request beside its fields. */
export interface Http2RequestContext {
  /** Whether no content follows. */
  readonly whole: boolean;
  readonly origin: RequestOrigin;
  /** Of a request that came through a server of Node's: its target and object, and whether the client waits for a 100. */
  readonly mounted?:
    | { readonly url: string; readonly waits: boolean; readonly message: Http2ServerRequest }
    | undefined;
}

interface PseudoFields {
  method: string;
  path: string;
  authority: string | undefined;
  protocol: string | undefined;
}

/**
 * A request of HTTP/2 in the terms of all requests. Node has checked the form of the message (RFC 9113 section 8.3);
 * `Host` is what `:authority` says, and the crumbs of a cookie are one field again (section 8.2.3).
 */
export function http2Request(raw: readonly string[], { whole, origin, mounted }: Http2RequestContext): InboundRequest {
  const pseudo: PseudoFields = { method: "GET", path: "/", authority: undefined, protocol: undefined };
  const lines: string[] = [];
  let cookieAt = -1;
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!;
    const value = raw[at + 1]!;
    if (name.startsWith(":")) setPseudoField(pseudo, name, value);
    else if (name === "cookie" && cookieAt !== -1) lines[cookieAt] += `; ${value}`;
    else {
      if (name === "cookie") cookieAt = lines.length + 1;
      lines.push(name, value);
    }
  }
  const header = FieldLines.owning(lines);
  const length = header.get("content-length");
  return {
    // What is a CONNECT with a protocol here is a GET with an `Upgrade` in HTTP/1.1 (RFC 8441 section 5).
    method: pseudo.protocol === undefined ? pseudo.method : "GET",
    target: parseRequestTarget(mounted?.url ?? pseudo.path),
    header,
    host: pseudo.authority ?? header.get("host"),
    httpVersion: "2.0",
    ...origin,
    content: whole ? undefined : { length: length === undefined ? undefined : Number(length), trailersPossible: true },
    upgrade: pseudo.protocol,
    expectsContinue: mounted?.waits ?? expectationOf(header.get("expect")) === "continue",
    message: mounted?.message,
  };
}

function setPseudoField(pseudo: PseudoFields, name: string, value: string): void {
  if (name === ":method") pseudo.method = value;
  else if (name === ":path") pseudo.path = value;
  else if (name === ":authority") pseudo.authority = value;
  else if (name === ":protocol") pseudo.protocol = value;
}
