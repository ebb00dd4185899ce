import type { Socket } from "node:net";
import { getSystemErrorName } from "node:util";

/** What Node's sockets are made of: a TLS one of the handle below it. */
interface Handle {
  readonly reading?: boolean;
  readonly _parent?: { readStart?(): number };
}

/**
 * Whether the end of a connection, which has just come, was said by the peer: with TLS by `close_notify`. Anyone on the
 * path can end a TCP connection, so without it content that is delimited by the end may have been cut short (RFC 9112
 * section 9.8). To be called when the end comes, in the same turn.
 *
 * Node ends a TLS socket either way, without a difference. But an end by TLS alone leaves the handle below being read,
 * and libuv says so when it is to be read again; the end of TCP does not. A runtime that has no such handle is believed.
 */
export function isEndSaid(socket: Socket): boolean {
  if (!("encrypted" in socket)) return true;
  const { _handle: handle } = socket as { readonly _handle?: Handle | null };
  // Paused, it hears nothing from TCP: this came with the last of the content.
  if (handle?._parent?.readStart === undefined || handle.reading === false) return true;
  const result = handle._parent.readStart();
  return result < 0 && getSystemErrorName(result) === "EALREADY";
}
