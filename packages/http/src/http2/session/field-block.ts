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

/** The limit where `maxHeaderListSize` is small: a larger list is to be refused on its stream. Octets. */
const MIN_LIMIT = 131_072;

/** Joins the fragments of field blocks that continue after HEADERS (RFC 9113 section 6.10). */
export class FieldBlockAssembler {
  readonly #limit: number;
  #streamId = 0;
  #endStream = false;
  #fragments: Buffer[] = [];
  #counted = 0;

  /** A block may be twice as long as the largest accepted list; no encoder makes longer ones of such a list. */
  constructor(maxHeaderListSize: number) {
    this.#limit = Math.max(MIN_LIMIT, maxHeaderListSize * 2);
  }

  /** Throws for CONTINUATION without a block, and for any other frame within one (RFC 9113 sections 6.2 and 6.10). */
  check({ type, streamId }: FrameHeader): void {
    if (this.#streamId === 0) {
      if (type !== FrameType.CONTINUATION) return;
      throw new ConnectionFault(ErrorCode.PROTOCOL_ERROR, "CONTINUATION without a field block to continue");
    }
    if (type === FrameType.CONTINUATION && streamId === this.#streamId) return;
    throw new ConnectionFault(ErrorCode.PROTOCOL_ERROR, "a frame other than CONTINUATION within a field block");
  }

  /** Keeps the first fragment of a block that continues. */
  begin(streamId: number, endStream: boolean, fragment: Buffer): void {
    this.#streamId = streamId;
    this.#endStream = endStream;
    this.#add(fragment);
  }

  /** Adds a fragment; returns the block with the last one. */
  continue(fragment: Buffer, last: boolean): ReceivedBlock | undefined {
    this.#add(fragment);
    if (!last) return undefined;
    const whole = { streamId: this.#streamId, endStream: this.#endStream, block: Buffer.concat(this.#fragments) };
    this.#streamId = 0;
    this.#fragments = [];
    this.#counted = 0;
    return whole;
  }

  /** Bounds the octets and the number of fragments: a peer could go on for ever (RFC 9113 section 10.5). */
  #add(fragment: Buffer): void {
    this.#counted += Math.max(MIN_FRAGMENT, fragment.length);
    if (this.#counted > this.#limit) {
      throw new ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, `a field block of more than ${this.#limit} octets`);
    }
    // A view would keep all of the transport's buffer.
    if (fragment.length > 0) this.#fragments.push(Buffer.from(fragment));
  }
}
