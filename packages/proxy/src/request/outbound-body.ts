import type { Readable } from "node:stream";

import type { FieldLines } from "@trailsum/shared";

/** The content and trailers of one attempt to send a request. */
export interface OutboundBody {
  readonly body: Readable | AsyncIterable<Buffer> | Buffer | null;
  /** Called when all of the request has been handed to the connection. */
  readonly onSent?: (() => void) | undefined;
  /** The number of bytes, where it is known and nothing follows them. */
  readonly length: number | undefined;
  /** Whether the rest is sent after the response has ended. */
  readonly finishes?: boolean;
  /** Called with each piece of the content when the system has taken it: its memory is unused from then on. */
  readonly onReleased?: ((piece: Uint8Array) => void) | undefined;
  /** Called after the last byte. */
  readonly trailers: (() => FieldLines) | undefined;
}

/** That of a request without content. */
export const NO_OUTBOUND_BODY: OutboundBody = { body: null, length: undefined, trailers: undefined };
