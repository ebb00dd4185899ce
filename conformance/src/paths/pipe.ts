import { createHash } from "node:crypto";
import { Readable } from "node:stream";

const BLOCK = 1 << 20;
/** Stands once in the content, and nowhere else. */
export const MARKER: Buffer = Buffer.from("<< one bit of this is flipped >>");

/** Content of which neither length nor digest is known before it has ended, and that can be read once. */
export interface Pipe {
  readonly stream: Readable;
  readonly size: number;
  /** Of all of it, in hex. */
  readonly sha256: string;
}

/** A pipe of `size` bytes, the same ones every time. The marker is in its middle. */
export function pipeOf(size: number): Pipe {
  const hash = createHash("sha256");
  for (const piece of pieces(size)) hash.update(piece);
  return { stream: Readable.from(pieces(size), { objectMode: false }), size, sha256: hash.digest("hex") };
}

function* pieces(size: number): Generator<Buffer> {
  const pattern = createPattern();
  const marked = Math.floor(size / 2) - 1000;
  for (let at = 0; at < size; at += BLOCK) {
    const piece = Buffer.from(pattern.subarray(0, Math.min(BLOCK, size - at)));
    // So that no two blocks are the same: a swap would be found.
    piece.writeUInt32BE(at, 0);
    if (marked >= at && marked + MARKER.length <= at + piece.length) MARKER.copy(piece, marked - at);
    yield piece;
  }
}

function createPattern(): Buffer {
  const bytes = Buffer.alloc(BLOCK);
  for (let at = 0, state = 1; at < BLOCK; at += 1) {
    state = (state * 48_271) % 2_147_483_647;
    bytes[at] = state >>> 7;
  }
  return bytes;
}
