import type { Socket } from "node:net";

import type { SessionOutput, StreamReset } from "@trailsum/http/http2";

import type { ConnectionTimeouts, ResponseLimits } from "../connection.ts";
import type { Deadlines } from "../deadlines.ts";
import type { Exchange } from "../exchange.ts";
import type { ExchangeStream } from "./exchange-stream.ts";
import type { OriginParts } from "./request-fields.ts";

/** The connection that a stream is on. */
export interface StreamOwner {
  readonly origin: OriginParts;
  readonly socket: Socket;
  readonly output: SessionOutput;
  readonly timeouts: ConnectionTimeouts;
  readonly limits: ResponseLimits;
  readonly deadlines: Deadlines;
  /** Whether anything has ever come in answer to a request. */
  readonly proven: boolean;
  /** Why the connection is lost, as `reset` says. */
  lostBy(reset: StreamReset): Error;
  /** Something has come from the server. */
  onReceived(): void;
  /** Nothing has come for too long. */
  onOverdue(): void;
  /** The stream is not used any more. */
  onOver(stream: ExchangeStream): void;
  /** The request can be sent again. */
  onUnanswered(exchange: Exchange): void;
  /** The request can be sent again, and not over HTTP/2. */
  onHttp1Required(exchange: Exchange): void;
}
