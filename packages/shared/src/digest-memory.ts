/** Content is handed to the hashing threads in pieces of this many bytes, until there is much of it. */
export const PIECE: number = 32 * 1024;
/** Large content is handed to them in this many bytes. */
export const STRETCH: number = 512 * 1024;
/** How many of them a ring has: some are being hashed while the next is filled. */
export const STRETCHES = 4;

/** Memory for one piece, which can be read on any thread. */
export interface PieceMemory {
  readonly bytes: Buffer;
  /** Lets another content use it. */
  giveBack(): void;
}

/** Pieces are cut from slabs: threads would keep separately allocated pieces until they collect garbage. */
const PIECES_OF_SLAB = 32;
/** So many slabs are kept while nothing of them is in use. */
const SLABS_KEPT = 4;

interface Slab {
  readonly unused: PieceMemory[];
}

const slabs = new Set<Slab>();

/** Memory for a piece: 32 KiB. */
export function takePiece(): PieceMemory {
  for (const { unused } of slabs) {
    const piece = unused.pop();
    if (piece !== undefined) return piece;
  }
  return newSlab().unused.pop()!;
}

function newSlab(): Slab {
  const memory = new SharedArrayBuffer(PIECES_OF_SLAB * PIECE);
  const slab: Slab = { unused: [] };
  for (let at = 0; at < PIECES_OF_SLAB; at += 1) {
    const piece: PieceMemory = {
      bytes: Buffer.from(memory, at * PIECE, PIECE),
      giveBack() {
        slab.unused.push(piece);
        if (isUnused(slab) && [...slabs].filter(isUnused).length > SLABS_KEPT) slabs.delete(slab);
      },
    };
    slab.unused.push(piece);
  }
  slabs.add(slab);
  return slab;
}

function isUnused({ unused }: Slab): boolean {
  return unused.length === PIECES_OF_SLAB;
}

/** The most rings there are for content that is copied into them. They are kept: what threads share is freed late. */
const RINGS = 8;

const unusedRings: SharedArrayBuffer[] = [];
let rings = 0;

/** A ring for large content, or undefined while all of them are in use. */
export function takeRing(): SharedArrayBuffer | undefined {
  const ring = unusedRings.pop();
  if (ring !== undefined || rings === RINGS) return ring;
  rings += 1;
  return newRing();
}

/** Gives a ring back. A thread may still read it for content that was given up, and what it finds is not asked for. */
export function giveRingBack(ring: SharedArrayBuffer): void {
  unusedRings.push(ring);
}

/** A ring that is not taken from the others. */
export function newRing(): SharedArrayBuffer {
  return new SharedArrayBuffer(STRETCH * STRETCHES);
}

/**
 * Copies a part of a piece into memory that threads share. V8 copies into shared memory word by word, and bytes that are
 * not aligned one by one (`set`, and so `copy` of all that a buffer has): ten times slower than Node's own copy of a part.
 */
export function copyToShared(piece: Uint8Array, start: number, end: number, target: Buffer, at: number): void {
  const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
  target[at] = bytes[start]!;
  bytes.copy(target, at + 1, start + 1, end);
}
