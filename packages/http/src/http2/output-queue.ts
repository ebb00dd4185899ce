import { writeDataHeader } from "./frames/data.ts";
import { FRAME_HEADER_LENGTH, setEndStream } from "./frames/frame-header.ts";

/** Frames are written side by side into buffers of this size. Octets. */
const SLAB = 16_384;

/** What is left of a slab is used again if it is at least this much. Octets. */
const REUSABLE = 1024;

/** Content up to this size is copied beside its frame header: one buffer costs less than three. Octets. */
const SMALL = 4096;

/** While more than this waits, content is not copied: it can then be dropped. Octets. */
const COPIED = 65_536;

/** The owner of what may not be dropped. */
const CONNECTION = 0;

const NOTHING = Buffer.alloc(0);

/** Where the header of a frame is. */
interface FramePosition {
  readonly bytes: Buffer;
  readonly at: number;
}

/** Content whose owner uses its memory again. */
interface LentContent {
  readonly streamId: number;
  readonly content: Buffer;
  readonly onTaken: (content: Buffer) => void;
}

/** The rest of a slab, for the connection that writes next: one that has nothing to send holds no memory for it. */
let spare: Buffer | undefined;

/**
 * What a session has to send, in order: frames, and large content that is not copied. Content that has not been taken yet can
 * be dropped again with its frames; nothing else can, as field blocks change the state of the peer's decoder.
 */
export class OutputQueue {
  /** How much waits to be taken. Octets. */
  length = 0;
  /** Where frames are written, from `reserve` on. */
  bytes: Buffer = NOTHING;
  /** What has been written to `bytes` from `#start` to `#at` is the last part. */
  #start = 0;
  #at = 0;
  #parts: Buffer[] = [];
  /** The stream of each part, if it may be dropped. */
  #owners: number[] = [];
  /** Content that goes back to its owners: of what waits, and of what has been handed over. */
  #lent: LentContent[] = [];
  #taken: LentContent[] = [];
  /** The last queued frame of each stream, to which another frame may be appended. */
  readonly #last = new Map<number, FramePosition>();

  /** Makes room for `length` octets in `bytes`, and returns the position where they begin. `commit` has to follow. */
  reserve(length: number): number {
    if (this.bytes.length - this.#at < length) {
      this.#closePart(CONNECTION);
      this.#renew(length);
    }
    return this.#at;
  }

  /** Takes what was written to `bytes` up to `end`. */
  commit(end: number): void {
    this.length += end - this.#at;
    this.#at = end;
  }

  /** Remembers the frame that was written at `at` of `bytes` as the last one of its stream, on which END_STREAM can be set. */
  remember(streamId: number, at: number): void {
    this.#last.set(streamId, { bytes: this.bytes, at });
  }

  /** Sets END_STREAM on the last frame of a stream. False where it has been taken. */
  endStream(streamId: number): boolean {
    const frame = this.#last.get(streamId);
    if (frame === undefined) return false;
    setEndStream(frame.bytes, frame.at);
    return true;
  }

  /**
   * A DATA frame. Larger content is not copied, and may not change until it has been sent. `onTaken` is called for it when it is not used any
   * more.
   */
  content(streamId: number, content: Buffer, endStream: boolean, onTaken?: (content: Buffer) => void): void {
    const { length } = content;
    const frame = { streamId, length, endStream };
    if (length <= SMALL && this.length <= COPIED) {
      const header = this.reserve(FRAME_HEADER_LENGTH + length);
      if (!endStream) this.remember(streamId, header);
      const at = writeDataHeader(this.bytes, header, frame);
      this.commit(at + content.copy(this.bytes, at));
      onTaken?.(content);
      return;
    }
    const header = this.reserve(FRAME_HEADER_LENGTH);
    if (!endStream) this.remember(streamId, header);
    this.#closePart(CONNECTION);
    this.commit(writeDataHeader(this.bytes, header, frame));
    this.#closePart(streamId);
    this.#push(content, streamId);
    if (onTaken !== undefined) this.#lent.push({ streamId, content, onTaken });
    this.length += length;
  }

  /** Drops the DATA frames of a stream that were not copied, and returns how many octets of content they had. */
  drop(streamId: number): number {
    if (!this.#owners.includes(streamId)) return 0;
    let dropped = 0;
    let frames = 0;
    const kept = this.#owners.map((owner) => owner !== streamId);
    for (const [index, part] of this.#parts.entries()) {
      if (kept[index]) continue;
      dropped += part.length;
      frames += 1;
    }
    this.#parts = this.#parts.filter((_part, index) => kept[index]);
    this.#owners = this.#owners.filter((_owner, index) => kept[index]);
    this.#lent = this.#lent.filter((lent) => lent.streamId !== streamId);
    this.length -= dropped;
    // Each frame is two parts: its header and its content.
    return dropped - (frames / 2) * FRAME_HEADER_LENGTH;
  }

  /** Hands over all that waits. */
  take(): readonly Buffer[] {
    this.#closePart(CONNECTION);
    const parts = this.#parts;
    this.#parts = [];
    this.#owners = [];
    if (this.#lent.length > 0) {
      this.#taken.push(...this.#lent);
      this.#lent = [];
    }
    this.length = 0;
    if (this.#last.size > 0) this.#last.clear();
    const rest = this.bytes.length - this.#at;
    if (rest >= REUSABLE && (spare === undefined || spare.length < rest)) spare = this.bytes.subarray(this.#at);
    this.#use(NOTHING);
    return parts;
  }

  /** The transport has taken all that was handed over: gives content back to its owners. */
  returnTaken(): void {
    if (this.#taken.length === 0) return;
    const taken = this.#taken;
    this.#taken = [];
    for (const { content, onTaken } of taken) onTaken(content);
  }

  #renew(length: number): void {
    if (spare !== undefined && spare.length >= length) {
      this.#use(spare);
      spare = undefined;
    } else this.#use(Buffer.allocUnsafeSlow(Math.max(SLAB, length)));
  }

  #use(bytes: Buffer): void {
    this.bytes = bytes;
    this.#start = 0;
    this.#at = 0;
  }

  #closePart(owner: number): void {
    if (this.#at > this.#start) this.#push(this.bytes.subarray(this.#start, this.#at), owner);
    this.#start = this.#at;
  }

  #push(part: Buffer, owner: number): void {
    this.#parts.push(part);
    this.#owners.push(owner);
  }
}
