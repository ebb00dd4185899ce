import { isIPv6 } from "node:net";

import type { FieldLines } from "@trailsum/shared";

/** What the fields that describe the client are made from. */
export interface ClientIdentity {
  /** The address of the peer, where it is known. */
  readonly address: string | undefined;
  /** The host that it asked for. */
  readonly host: string | undefined;
  readonly protocol: "http" | "https";
}

/** Which of these fields are sent: `X-Forwarded-For`, `-Host` and `-Proto`, or `Forwarded` (RFC 7239), or both, or none. */
export type ForwardedStyle = "x-forwarded" | "forwarded" | "both" | "none";

/** The names, in lower case, of the fields that describe clients. */
export const forwardedNames: readonly string[] = [
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
];

/**
 * Name, value, ... of the fields that describe the client to the origin. What the client says of itself in them is not used,
 * unless `trusted` holds it: then the peer is a proxy itself, and the addresses it states come before its own.
 */
export function forwardedFields(client: ClientIdentity, style: ForwardedStyle, trusted?: FieldLines): string[] {
  const fields: string[] = [];
  if (style === "x-forwarded" || style === "both") {
    const { address } = client;
    // Without an address there is nothing to add, and half a chain would name the wrong one as the client.
    if (address !== undefined) fields.push("X-Forwarded-For", chain(trusted, "X-Forwarded-For", address));
    const host = trusted?.get("X-Forwarded-Host") ?? client.host;
    if (host !== undefined) fields.push("X-Forwarded-Host", host);
    fields.push("X-Forwarded-Proto", trusted?.get("X-Forwarded-Proto") ?? client.protocol);
  }
  if (style === "forwarded" || style === "both") {
    fields.push("Forwarded", chain(trusted, "Forwarded", forwardedElement(client)));
  }
  return fields;
}

function chain(before: FieldLines | undefined, name: string, last: string): string {
  return before === undefined ? last : [...before.getAll(name), last].join(", ");
}

/** RFC 7239 section 4; an IPv6 address is bracketed, and what holds a colon is quoted (section 6). */
function forwardedElement({ address, host, protocol }: ClientIdentity): string {
  const node = address === undefined ? "unknown" : isIPv6(address) ? `"[${address}]"` : address;
  const hostPair = host === undefined ? "" : `;host="${host.replaceAll(/["\\]/g, "")}"`;
  return `for=${node}${hostPair};proto=${protocol}`;
}
