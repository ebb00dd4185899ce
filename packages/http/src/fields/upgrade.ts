import type { FieldLines } from "@trailsum/shared";

/**
 * The protocol that a message asks to switch to: `websocket`, in its own spelling, if `Upgrade` lists it and `Connection`
 * names the field. All other protocols are ignored (RFC 9110 section 7.8): what `h2c`, `TLS/1.2` or
 * an unknown one carries could not be inspected, and would pass by every hook.
 */
export function upgradeProtocol(fields: FieldLines): string | undefined {
  if (!fields.has("Upgrade")) return undefined;
  if (!fields.list("Connection").some((option) => option.toLowerCase() === "upgrade")) return undefined;
  return fields.list("Upgrade").find(isWebSocket);
}

/** Whether this names the one protocol that is tunnelled; names are compared without regard to case. */
export function isWebSocket(protocol: string): boolean {
  return protocol.toLowerCase() === "websocket";
}
