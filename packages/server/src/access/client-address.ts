import { isIP } from "node:net";

import type { InboundRequest } from "@trailsum/http/inbound";
import type { FieldLines } from "@trailsum/shared";

/** Whose forwarding fields are believed: the peer's, or those of every hop whose address the function accepts. */
export type TrustForwarded = boolean | ((address: string) => boolean);

/**
 * The address of the client: that of the peer, unless the peer is trusted to say whose request it forwards, in
 * `X-Forwarded-For` or `Forwarded` (RFC 7239). Each hop appends the address of its own peer, so the chain is read from its
 * end, for as long as the hop that wrote an entry is trusted; `true` trusts one hop. Where both fields are there and name
 * different clients, one of them came from the client: neither is believed.
 */
export function clientAddress(
  { header, remoteAddress }: Pick<InboundRequest, "header" | "remoteAddress">,
  trust: TrustForwarded = false,
): string | undefined {
  if (trust === false) return remoteAddress;
  const found = [header.list("X-Forwarded-For").map(addressIn), forwardedFor(header)]
    .filter((chain) => chain.length > 0)
    .map((chain) => clientIn(chain, remoteAddress, trust));
  return new Set(found).size === 1 ? found[0] : remoteAddress;
}

function clientIn(
  chain: readonly (string | undefined)[],
  peer: string | undefined,
  trust: true | Exclude<TrustForwarded, boolean>,
) {
  let address = peer;
  for (const before of chain.toReversed()) {
    // The peer at a Unix domain socket has no address to ask about.
    if (before === undefined || (trust !== true && (address === undefined || !trust(address)))) break;
    address = before;
    if (trust === true) break;
  }
  return address;
}

/** One `name=value` of an element of `Forwarded`, or the comma between two elements. */
const PARAMETER = /[ \t]*(?:(,)|;|([\w!#$%&'*+.^`|~-]+)=("(?:[^"\\]|\\.)*"|[^",;\s]*))/gy;

/** The `for` of each element; undefined where it is hidden or malformed. What cannot be read at all gives no chain. */
function forwardedFor(header: FieldLines): (string | undefined)[] {
  const text = header.getAll("Forwarded").join(",");
  const chain: (string | undefined)[] = text === "" ? [] : [undefined];
  let end = 0;
  for (const [token, comma, name, value = ""] of text.matchAll(PARAMETER)) {
    end += token.length;
    if (comma !== undefined) chain.push(undefined);
    else if (name?.toLowerCase() === "for") chain[chain.length - 1] = addressIn(value.replace(/^"(.*)"$/s, "$1"));
  }
  return text.slice(end).trim() === "" ? chain : [];
}

/** The IP address of a node, without its port; undefined for `unknown`, an obfuscated name, and anything else. */
function addressIn(node: string): string | undefined {
  const [, bracketed, plain] = /^(?:\[([^\]]+)\](?::\w+)?|([\d.]+)(?::\w+)?)$/.exec(node) ?? [];
  const address = bracketed ?? plain ?? node;
  return isIP(address) > 0 ? address : undefined;
}

/** The network of an address, by which its client is counted: one client has all addresses of an IPv6 /64. */
export function clientNetwork(address = ""): string {
  return address.includes(":") ? address.split(":").slice(0, 4).join(":") : address;
}
