import type { MessageLimits } from "../http1/message-reader.ts";
import type { Connections } from "./connections.ts";
import type { InboundExchange } from "./inbound-exchange.ts";
import type { ClientInfo } from "./inbound-request.ts";

/** How a client's connection is served, whichever version of HTTP it speaks. */
export interface ServedConnectionOptions {
  readonly handle: (exchange: InboundExchange) => Promise<void>;
  readonly connections: Connections;
  readonly limits: MessageLimits;
  readonly timeouts: InboundTimeouts;
  readonly protocol: ClientInfo["protocol"];
}

/** Limits for slow clients. Milliseconds, checked about once a second. */
export interface InboundTimeouts {
  /** For the next request on a connection that it keeps open. */
  readonly keepAlive: number;
  /** For all of a head, once it has begun. */
  readonly head: number;
  /** For the next movement of content or response, in either direction. */
  readonly idle: number;
  /** The fewest bytes per second of content or response, averaged over 10 s; 0 demands nothing. */
  readonly minRate: number;
}
