import type { Message } from "./message-reader.ts";

/** What happens on a lane. */
export interface LaneEvents {
  /** A whole answer came. */
  answered(answer: Message): void;
  /** No answer will come any more, or one that has begun will not end. */
  broke(reason: string): void;
}

/**
 * Where requests go one after the other: a connection of HTTP/1.1, or one of the streams that are open at a time on one of
 * HTTP/2.
 */
export interface Lane {
  /** The observer of what happens next. */
  events: LaneEvents | undefined;
  /** When the request that is under way was to be sent, for latency measurements. */
  due: number;
  /** Sends the next request. Connects first where that has to be. */
  ask(): void;
  /** Ends its connection, as soon as no other lane is on it. To be called when nothing is under way on this one. */
  close(): void;
}
