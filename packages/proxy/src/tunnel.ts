import type { Duplex } from "node:stream";

import { type FieldLines, TrailsumError } from "@trailsum/shared";

/** What tells a client of HTTP/1.1 that the protocol is switched: the fields of the origin's 101, and the two that make it one. */
export function switchHead(protocol: string, header: FieldLines): string {
  let lines = "";
  for (const [name, value] of header) lines += `${name}: ${value}\r\n`;
  return `HTTP/1.1 101 Switching Protocols\r\n${lines}Connection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
}

/**
 * Joins two connections until both directions have ended. The end of one direction is handed on as an end, and the
 * other goes on; a connection that breaks takes the other with it. Settles when both are closed.
 */
export async function joinSockets(one: Duplex, other: Duplex): Promise<void> {
  await Promise.all([join(one, other), join(other, one)]);
}

function join(from: Duplex, to: Duplex): Promise<void> {
  return new Promise((resolve) => {
    from.on("error", () => to.destroy());
    from.on("close", () => {
      if (!from.readableEnded) to.destroy();
      resolve();
    });
    from.pipe(to);
  });
}

/**
 * The protocol that the origin has switched to. It has to be the one that was asked for; `PROTOCOL` otherwise. In HTTP/2
 * any success means it (RFC 8441 section 5).
 */
export function switchedTo(
  { status, header }: { readonly status: number; readonly header: FieldLines },
  asked: string,
): string {
  if (status !== 101) return asked;
  const switched = header.get("Upgrade");
  const options = asked.split(",").map((protocol) => protocol.trim().toLowerCase());
  if (switched !== undefined && options.includes(switched.toLowerCase())) return switched;
  throw new TrailsumError("PROTOCOL", "the origin switched to a protocol that nobody asked for", { status: 502 });
}
