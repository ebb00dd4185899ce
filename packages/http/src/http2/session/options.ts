import { TrailsumError } from "@trailsum/shared";

import { DEFAULT_WINDOW, MAX_WINDOW } from "../flow-control.ts";

/** How a session behaves. */
export interface SessionOptions {
  /** How much content of one message may be received and not consumed. Octets. @default 1 MiB */
  readonly streamWindow?: number;
  /** The same for all messages of the connection together. Octets, from 65,535 to 2^31-1. @default 4 MiB */
  readonly connectionWindow?: number;
  /**
   * The largest field list that is accepted, each line counted with 32 octets more (RFC 9113 section 6.5.2). A larger one is an error of
   * its stream: ENHANCE_YOUR_CALM. Octets. @default 65,536
   */
  readonly maxHeaderListSize?: number;
  /** The largest dynamic table of the decoder. Octets. @default 4096 */
  readonly headerTableSize?: number;
  /** How much output may wait before `Http2Stream.send` takes no more. Octets. @default 256 KiB */
  readonly outputLimit?: number;
}

/** How a session of a server behaves. */
export interface ServerSessionOptions extends SessionOptions {
  /** The most streams that the client may have open; more are refused with REFUSED_STREAM. @default 256 */
  readonly maxConcurrentStreams?: number;
  /** Whether extended CONNECT is possible (RFC 8441). @default false */
  readonly enableConnectProtocol?: boolean;
}

/** The options with their defaults. */
export type ResolvedOptions = Required<SessionOptions>;

/** Fills in the defaults. Throws a `TrailsumError` with USAGE for a window of the connection that is not possible (RFC 9113 section 6.9.2). */
export function resolveOptions(options: SessionOptions): ResolvedOptions {
  const { connectionWindow = DEFAULT_WINDOW } = options;
  if (!(connectionWindow >= DEFAULT_WINDOW && connectionWindow <= MAX_WINDOW)) {
    throw new TrailsumError("USAGE", `connectionWindow is ${connectionWindow}, not from 65,535 to 2^31-1`);
  }
  return {
    streamWindow: options.streamWindow ?? 1_048_576,
    connectionWindow: options.connectionWindow ?? 4 * 1_048_576,
    maxHeaderListSize: options.maxHeaderListSize ?? 65_536,
    headerTableSize: options.headerTableSize ?? 4096,
    outputLimit: options.outputLimit ?? 262_144,
  };
}
