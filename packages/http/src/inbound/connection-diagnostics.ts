import type { Socket } from "node:net";

import { type ConnectionMessage, diagnostics } from "@trailsum/shared";

import { clientAddress } from "./inbound-request.ts";

const { connectionOpen, connectionClose } = diagnostics;

/**
 * Publishes that a connection was accepted. Returns what publishes its end, so that a subscriber gets both or neither; undefined
 * without a subscriber.
 */
export function connectionOpened(socket: Socket, protocol: "http" | "https"): (() => void) | undefined {
  if (!connectionOpen.hasSubscribers && !connectionClose.hasSubscribers) return undefined;
  const message: ConnectionMessage = { remoteAddress: clientAddress(socket.remoteAddress), protocol };
  connectionOpen.publish(message);
  return () => connectionClose.publish(message);
}
