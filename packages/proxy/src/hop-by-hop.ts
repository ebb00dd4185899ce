import { type FieldLines, isToken } from "@trailsum/shared";

/** Fields that speak of one connection, whatever its `Connection` field says (RFC 9110 section 7.6.1, and what grew beside it). */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "proxy-connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  // Belongs to an h2c upgrade, which is never handed on (RFC 9113 section 3.1).
  "http2-settings",
]);

/** The fields that go on to the next hop: none of the fixed list, and none that any `Connection` line names. */
export function endToEndFields(fields: FieldLines): FieldLines {
  const listed = new Set(connectionOptions(fields));
  return fields.without((name) => {
    const lower = name.toLowerCase();
    return HOP_BY_HOP.has(lower) || listed.has(lower);
  });
}

/** What every `Connection` line lists, in lower case: options, and names of fields that are for this hop alone. */
export function connectionOptions(fields: FieldLines): string[] {
  return fields.list("Connection").map((option) => option.toLowerCase());
}

/** Whether the sender takes trailers: any `TE` line with the member `trailers`, without a parameter (RFC 9110 section 10.1.4). */
export function acceptsTrailers(fields: FieldLines): boolean {
  return fields.list("TE").some((member) => member.toLowerCase() === "trailers");
}

/**
 * The protocol that a message switches to: its `Upgrade`, if `Connection` says that it is for this hop. An upgrade to
 * h2c is none: what it would carry could not be looked at (RFC 9113 section 3.1 removed it).
 */
export function upgradeProtocol(fields: FieldLines): string | undefined {
  if (!connectionOptions(fields).includes("upgrade")) return undefined;
  const protocols = fields.list("Upgrade").filter((protocol) => protocol.toLowerCase() !== "h2c");
  return protocols.length > 0 && protocols.every(isProtocol) ? protocols.join(", ") : undefined;
}

/** `name` or `name/version` (RFC 9110 section 7.8). */
function isProtocol(text: string): boolean {
  return text.split("/").every(isToken);
}
