import type { Exchange } from "./exchange.ts";
import { isReplayable } from "./request-body.ts";

/** How long a connection waits for what. Milliseconds; 0 for ever. */
export interface ConnectionTimeouts {
  /** For a response's head, once the request has been sent. */
  readonly headers: number;
  /** For the next piece of a body, either way. */
  readonly body: number;
  /** For the next request, when the server gives no hint. */
  readonly keepAlive: number;
  /** The longest time that a server's hint can ask for. */
  readonly keepAliveMax: number;
  /** For a 100, before the body is sent all the same (RFC 9110 section 10.1.1). */
  readonly expectContinue: number;
}

/** How much of a response is held while it is not complete. */
export interface ResponseLimits {
  /** The most bytes in the head of a response. */
  readonly maxHeaderSize: number;
  /** The most bytes in its trailer section. */
  readonly maxTrailerSize: number;
}

/** One connection to an origin, over any protocol. */
export interface Connection {
  /** Whether it can take one more exchange now. */
  readonly free: boolean;
  /** Whether it carries nothing. */
  readonly idle: boolean;
  /** How many exchanges it can carry at a time, as far as is known. At least one. */
  readonly capacity: number;
  /** Sends the request of an exchange. Only while it is free. */
  run(exchange: Exchange): void;
  /** Closes it at once; with an error, what it carries fails with that. */
  destroy(error?: Error): void;
}

/** The owner of a connection. */
export interface ConnectionOwner {
  /** It can take another exchange: it could not before, or it knows its capacity now. */
  onFree(connection: Connection): void;
  /** It takes no exchange while it finds out whether it still works. */
  onProbing(connection: Connection): void;
  /** The server allows nothing more until it says so: `MAX_CONCURRENT_STREAMS` is 0 (RFC 9113 section 6.5.2). */
  onBlocked(connection: Connection): void;
  /** It carries nothing any more. */
  onIdle(connection: Connection): void;
  /** It takes no more exchanges, though it may still carry some. */
  onRetired(connection: Connection): void;
  /** It is gone. */
  onClosed(connection: Connection, error: Error | undefined): void;
  /** There was not even a beginning of an answer, and the request can be sent again. */
  onUnanswered(exchange: Exchange): void;
  /** Only HTTP/1.1 can carry this exchange. */
  onHttp1Required(exchange: Exchange): void;
}

/** Whether a request that may already have been processed can be retried (RFC 9110 section 9.2.2). */
export function mayRepeat({ request: { idempotent, body } }: Exchange): boolean {
  return idempotent && isReplayable(body);
}
