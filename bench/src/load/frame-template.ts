import { encodeIndex, encodeLiteral, type FieldPairs } from "@trailsum/testkit/http2-hpack";

/** Frames of one stream, made once and sent on many. */
export class FrameTemplate {
  readonly #bytes: Buffer;
  /** Where the frames begin. */
  readonly #starts: number[] = [];

  constructor(...frames: readonly Buffer[]) {
    this.#bytes = Buffer.concat(frames);
    let start = 0;
    for (const frame of frames) {
      this.#starts.push(start);
      start += frame.length;
    }
  }

  /** The first of them, or all, on a stream. */
  on(streamId: number, count: number = this.#starts.length): Buffer {
    const bytes = Buffer.from(this.#bytes.subarray(0, this.#starts[count]));
    for (const start of this.#starts.slice(0, count)) bytes.writeUInt32BE(streamId, start + 5);
    return bytes;
  }
}

/** A field section as most would send it: lines that stay in the other side's table from the first time on, and are named by their number then. */
export function fieldBlocks(fields: FieldPairs): { readonly first: Buffer; readonly next: Buffer } {
  return {
    first: Buffer.concat(fields.map(([name, value]) => encodeLiteral(name, value, { indexed: true }))),
    // The newest line is 62.
    next: Buffer.concat(fields.map((_, at) => encodeIndex(61 + fields.length - at))),
  };
}
