import { ErrorCode, type StreamReset } from "@trailsum/http/http2";

import { mayRepeat } from "../connection.ts";
import type { Exchange } from "../exchange.ts";
import { isReplayable } from "../request-body.ts";

/** A request that was never processed is sent again so often (RFC 9113 section 8.7). */
const RESENDINGS = 3;

/** The error codes of a server that has not processed the request. */
const UNPROCESSED: ReadonlySet<number> = new Set([ErrorCode.REFUSED_STREAM, ErrorCode.HTTP_1_1_REQUIRED]);

/** How far an exchange had come when its stream was reset. */
export interface ResetExchange {
  readonly exchange: Exchange;
  /** `waiting`: nothing has been sent. `sent`: no final response has begun. `answered`: one has. */
  readonly progress: "waiting" | "sent" | "answered";
  /** Whether its body has not been begun. */
  readonly bodyWaits: boolean;
  /** Whether anything has ever come on its connection in answer to a request. */
  readonly proven: boolean;
}

/** Whether a request whose stream was reset can be sent again, on another stream or connection. */
export function mayBeSentAgain(reset: StreamReset, { exchange, progress, bodyWaits, proven }: ResetExchange): boolean {
  if (exchange.resendings === RESENDINGS) return false;
  if (progress === "waiting") return true;
  if (progress === "answered") return false;
  if (isUnprocessed(reset)) return bodyWaits || isReplayable(exchange.request.body);
  // As with HTTP/1.1: a connection that had gone stale fails nothing that may be repeated, a new one does.
  const stale = proven && reset.by === "connection";
  return stale && exchange.rawHeaders === null && mayRepeat(exchange);
}

/** Whether the server guarantees that it has not processed the request (RFC 9113 section 8.7). */
function isUnprocessed({ by, code }: StreamReset): boolean {
  return by === "goaway" || (by === "peer" && UNPROCESSED.has(code));
}
