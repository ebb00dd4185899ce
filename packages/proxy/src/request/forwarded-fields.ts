import { isIPv6 } from "node:net";

import { FieldLines, sameFieldName } from "@trailsum/shared";

/** What the fields that tell of the client are made from. */
export interface ClientIdentity {
  /** The address of the peer, where it is known. */
  readonly address: string | undefined;
  /** The host that it asked for. */
  readonly host: string | undefined;
  readonly protocol: "http" | "https";
}

/** Which of these fields are sent: `X-Forwarded-For`, `-Host` and `-Proto`, or `Forwarded` (RFC 7239), or both, or none. */
export type ForwardedStyle = "x-forwarded" | "forwarded" | "both" | "none";

const NAMES = ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"] as const;

/**
 * The header with the fields that tell the origin who asked. What the client says of itself in them is dropped, unless
 * the peer is trusted: then it is a proxy itself, and its addresses stand before its own.
 */
export function withForwardedFields(
  header: FieldLines,
  client: ClientIdentity,
  { style, trusted }: { readonly style: ForwardedStyle; readonly trusted: boolean },
): FieldLines {
  const before = trusted ? header : FieldLines.empty;
  let fields = header.without((name) => NAMES.some((known) => sameFieldName(known, name)));
  if (style === "x-forwarded" || style === "both") {
    const chain = [...before.getAll("X-Forwarded-For"), ...(client.address === undefined ? [] : [client.address])];
    // Without an address there is nothing to add, and half a chain would name the wrong one as the client.
    if (client.address !== undefined) fields = fields.with("X-Forwarded-For", chain.join(", "));
    const host = before.get("X-Forwarded-Host") ?? client.host;
    if (host !== undefined) fields = fields.with("X-Forwarded-Host", host);
    fields = fields.with("X-Forwarded-Proto", before.get("X-Forwarded-Proto") ?? client.protocol);
  }
  if (style === "forwarded" || style === "both") {
    fields = fields.with("Forwarded", [...before.getAll("Forwarded"), forwardedElement(client)].join(", "));
  }
  return fields;
}

/** RFC 7239 section 4; an IPv6 address is bracketed, and what holds a colon is quoted (section 6). */
function forwardedElement({ address, host, protocol }: ClientIdentity): string {
  const node = address === undefined ? "unknown" : isIPv6(address) ? `"[${address}]"` : address;
  const hostPair = host === undefined ? "" : `;host="${host.replaceAll(/["\\]/g, "")}"`;
  return `for=${node}${hostPair};proto=${protocol}`;
}
