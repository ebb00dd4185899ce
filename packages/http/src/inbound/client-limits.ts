import { timeLimit, TrailsumError } from "@trailsum/shared";

import type { InboundTimeouts } from "./served-connection-options.ts";

/** Limits for slow and idle clients of a server. */
export interface ClientLimitOptions {
  /**
   * How long a client may take for all of a head, or for a TLS handshake. Milliseconds; 0 for no limit.
   * @default 30,000
   */
  readonly headTimeout?: number | undefined;
  /**
   * How long an idle connection of a client is kept. Milliseconds; 0 for no limit.
   * @default 60,000
   */
  readonly keepAliveTimeout?: number | undefined;
  /**
   * The fewest bytes per second that a client must send of its content before the response begins, and take of a response
   * that waits for it, averaged over 10 s: against clients that hold a request open by a byte now and then. Too slow an
   * upload is answered with 408 over HTTP/1.1 and reset over HTTP/2.
   * @default 0, which demands nothing
   */
  readonly minRate?: number | undefined;
}

/** The limits of connections for these options, in the terms of the listener. Throws `USAGE` for what is not a limit. */
export function inboundTimeouts(
  options: ClientLimitOptions & { readonly idleTimeout?: number | undefined },
  defaultIdle: number,
): InboundTimeouts {
  const { minRate = 0 } = options;
  if (!(minRate >= 0 && Number.isFinite(minRate))) {
    throw new TrailsumError("USAGE", "minRate must be a number of bytes per second, 0 or more");
  }
  return {
    head: timeLimit("headTimeout", options.headTimeout, 30_000),
    keepAlive: timeLimit("keepAliveTimeout", options.keepAliveTimeout, 60_000),
    idle: timeLimit("idleTimeout", options.idleTimeout, defaultIdle),
    minRate,
  };
}
