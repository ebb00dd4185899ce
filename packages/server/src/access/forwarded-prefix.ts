import type { InboundRequest } from "@trailsum/http/inbound";

import type { TrustForwarded } from "./client-address.ts";

/** An absolute path (RFC 3986 section 3.3) whose first segment is not empty: `//` would begin an authority. */
const PREFIX = /^(?:\/(?!\/)(?:[\w.~!$&'()*+;=:@/-]|%[0-9A-Fa-f]{2})*)$/;

/**
 * What a proxy has cut off the front of the path, as it states in `X-Forwarded-Prefix`; empty without the field. It is
 * believed of a peer that is trusted, and only where it is one path: a list may begin with what a client wrote.
 */
export function forwardedPrefix(
  { header, remoteAddress }: Pick<InboundRequest, "header" | "remoteAddress">,
  trust: TrustForwarded = false,
): string {
  const isTrusted = typeof trust === "boolean" ? trust : remoteAddress !== undefined && trust(remoteAddress);
  const [prefix = "", ...others] = isTrusted ? header.getAll("X-Forwarded-Prefix") : [];
  return others.length === 0 && PREFIX.test(prefix) ? prefix.replace(/\/+$/, "") : "";
}
