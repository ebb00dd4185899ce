/** How HTTP/2 connections are made and used. Every time is in milliseconds, and 0 means never. */
export interface Http2Options {
  /** Whether HTTP/2 is offered to an `https:` origin. */
  readonly negotiated: boolean;
  /** Whether an `http:` origin is known to speak HTTP/2. */
  readonly priorKnowledge: boolean;
  /** The most exchanges on one connection, if the server allows as many. */
  readonly maxConcurrentStreams: number;
  /** The bytes of one response that may be in flight or unread. */
  readonly initialWindowSize: number;
  /** The bytes of all responses of a connection that may be in flight. */
  readonly connectionWindowSize: number;
  /** How long nothing may arrive on a connection in use until the server is asked whether it is there. */
  readonly pingInterval: number;
  /** How long the answer to that may take. */
  readonly pingTimeout: number;
}
