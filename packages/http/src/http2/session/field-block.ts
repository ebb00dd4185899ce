import { MIN_FRAGMENT } from "../abuse-limits.ts";
import { ErrorCode } from "../error-code.ts";
import { ConnectionFault } from "../fault.ts";
import { type FrameHeader, FrameType } from "../frames/frame-header.ts";

/** A whole field block. */
export interface ReceivedBlock {
  readonly streamId: number;
  readonly endStream: boolean;
  readonly block: Buffer;
}

/** A smaller limit would refuse blocks that are well within the limits of others. Octets. */
const MIN_LIMIT = 131_072;

/** Puts field blocks together that continue after HEADERS (RFC 9113 section 6.10). */
export class FieldBlockAssembler {
  readonly #limit: number;
  #streamId = 0;
  #endStream = false;
  #fragments: Buffer[] = [];
  #counted = 0;

  /** A block may be twice as long as the largest list that is accepted: what is longer cannot become one that is. */
  constructor(maxHeaderListSize: number) {
    this.#limit = Math.max(MIN_LIMIT, maxHeaderListSize * 2);
  }

  /** Throws for a frame that may not come where a block has begun, or has not (RFC 9113 sections 6.2 and 6.10). */
  check({ type, streamId }: FrameHeader): void {
    if (this.#streamId === 0) {
      if (type !== FrameType.CONTINUATION) return;
      throw new ConnectionFault(ErrorCode.PROTOCOL_ERROR, "CONTINUATION without a field block to continue");
    }
    if (type === FrameType.CONTINUATION && streamId === this.#streamId) return;
    throw new ConnectionFault(ErrorCode.PROTOCOL_ERROR, `a frame other than CONTINUATION within a field block`);
  }

  /** Keeps the first fragment of a block that continues. */
  begin(streamId: number, endStream: boolean, fragment: Buffer): void {
    this.#streamId = streamId;
    this.#endStream = endStream;
    this.#add(fragment);
  }

  /** Adds a fragment, and returns the block if that is the last one. */
  continue(fragment: Buffer, last: boolean): ReceivedBlock | undefined {
    this.#add(fragment);
    if (!last) return undefined;
    const whole = { streamId: this.#streamId, endStream: this.#endStream, block: Buffer.concat(this.#fragments) };
    this.#streamId = 0;
    this.#fragments = [];
    this.#counted = 0;
    return whole;
  }

  /** A peer that never ends a block would fill the memory, or, with fragments of nothing, the processor. */
  #add(fragment: Buffer): void {
    this.#counted += Math.max(MIN_FRAGMENT, fragment.length);
    if (this.#counted > this.#limit) {
      throw new ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, `a field block of more than ${this.#limit} octets`);
    }
    // What was received is the transport's, which may use it again.
    if (fragment.length > 0) this.#fragments.push(Buffer.from(fragment));
  }
}
