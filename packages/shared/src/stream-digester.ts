import type { Algorithm } from "./algorithms.ts";
import {
  copyToShared,
  giveRingBack,
  newRing,
  PIECE,
  type PieceMemory,
  STRETCH,
  STRETCHES,
  takePiece,
  takeRing,
} from "./digest-memory.ts";
import { hashBeside, type RemoteHasher, threadsHelp } from "./digest-threads.ts";
import { createDigester, type Digester, type Digests } from "./digester.ts";

/** A digester for a stream: it may hash on other threads, and ask its caller to wait. */
export interface StreamDigester {
  /** How many bytes have passed so far. */
  readonly size: number;
  /**
   * Where the next bytes may be put, so that they need not be copied to be hashed on another thread; undefined where they
   * are hashed in place. Ask for it before the first `update`. A byte has its place at its offset in the content, modulo
   * the size of this memory. A piece that was given to `update` is read for longer: once that is done, the
   * `STRETCH` after the piece's own may be written over, and nothing else.
   */
  readonly memory: SharedArrayBuffer | undefined;
  /** Takes the next bytes, which have been read once it is done. Await what it returns before the next ones. */
  update(chunk: Uint8Array): Promise<void> | undefined;
  /** What was found. Nothing can be added afterwards. */
  digest(): Promise<Digests>;
  /** Releases it, finished or not. */
  close(): void;
}

/** From this many bytes on content gets a ring, if one is free. */
const LARGE = 1024 * 1024;

/**
 * A digester for `size` bytes, or for an unknown number. Hashing is what a transfer spends most of its time on, so where
 * there is more than one core it happens beside the reading and sending, on a thread for each algorithm. At most as many
 * threads as cores are ever started, for all contents together, and no content known to be below 2 MiB is worth one. Where
 * no thread can be had, everything is hashed in place.
 *
 * Paused content holds 32 KiB here; beyond 1 MiB it may hold one of a few rings of 2 MiB instead.
 */
export async function createStreamDigester(algorithms: Iterable<Algorithm>, size?: number): Promise<StreamDigester> {
  const names = [...new Set(algorithms)];
  const beside = threadsHelp() && names.length > 0 && (size === undefined || size > STRETCH * STRETCHES);
  return beside ? new ThreadedDigester(names, size) : new DigesterInPlace(await createDigester(names));
}

/** Hashes what it is given before it returns. */
class DigesterInPlace implements StreamDigester {
  readonly memory = undefined;
  readonly #digester: Digester;

  constructor(digester: Digester) {
    this.#digester = digester;
  }

  get size(): number {
    return this.#digester.size;
  }

  update(chunk: Uint8Array): undefined {
    this.#digester.update(chunk);
  }

  async digest(): Promise<Digests> {
    return this.#digester.digest();
  }

  close(): void {}
}

/**
 * Copies what it is given into memory that it shares with the threads: into pieces first, and once there is much of it,
 * into a ring. What fits into one piece never goes to a thread.
 */
class ThreadedDigester implements StreamDigester {
  size = 0;
  readonly memory: SharedArrayBuffer | undefined;
  readonly #algorithms: readonly Algorithm[];
  #hashers: readonly RemoteHasher[] | undefined;
  #pieces: Pieces | undefined;
  #ring: Ring | undefined;
  #borrowed: SharedArrayBuffer | undefined;

  constructor(algorithms: readonly Algorithm[], size: number | undefined) {
    this.#algorithms = algorithms;
    this.memory = size === undefined ? undefined : newRing();
  }

  update(chunk: Uint8Array): Promise<void> | undefined {
    this.size += chunk.byteLength;
    if (chunk.buffer === this.memory) {
      this.#ring ??= new Ring(this.memory, this.#begun);
      return this.#ring.take(chunk);
    }
    if (this.#ring === undefined && this.size > LARGE) this.#borrowRing();
    if (this.#ring !== undefined) return this.#ring.copy(chunk);
    this.#pieces ??= new Pieces(this.#begun);
    return this.#pieces.copy(chunk);
  }

  async digest(): Promise<Digests> {
    if (this.#hashers === undefined && this.#ring === undefined) return this.#digestHere();
    this.#pieces?.handOver();
    this.#ring?.handOver();
    const digests = await Promise.all(this.#begun().map((hasher) => hasher.digest()));
    this.close();
    return { size: this.size, values: new Map(this.#algorithms.map((algorithm, at) => [algorithm, digests[at]!])) };
  }

  close(): void {
    for (const hasher of this.#hashers ?? []) hasher.close();
    this.#pieces?.close();
    if (this.#borrowed !== undefined) giveRingBack(this.#borrowed);
    this.#borrowed = undefined;
  }

  async #digestHere(): Promise<Digests> {
    const digester = await createDigester(this.#algorithms);
    const only = this.#pieces?.filled;
    if (only !== undefined) digester.update(only);
    return digester.digest();
  }

  #borrowRing(): void {
    this.#borrowed = takeRing();
    if (this.#borrowed === undefined) return;
    this.#pieces?.handOver();
    this.#ring = new Ring(this.#borrowed, this.#begun);
  }

  readonly #begun = (): readonly RemoteHasher[] => {
    this.#hashers ??= this.#algorithms.map((algorithm) => hashBeside(algorithm));
    return this.#hashers;
  };
}

/** Memory for one piece that is filled, while the piece before is hashed. */
class Pieces {
  readonly #begin: () => readonly RemoteHasher[];
  #piece: PieceMemory | undefined;
  #filled = 0;
  /** When the piece before has been hashed. */
  #hashed: Promise<void> | undefined;
  /** Those that are being hashed. */
  readonly #handedOver = new Set<PieceMemory>();

  constructor(begin: () => readonly RemoteHasher[]) {
    this.#begin = begin;
  }

  /** What has not been handed over. */
  get filled(): Uint8Array | undefined {
    return this.#piece?.bytes.subarray(0, this.#filled);
  }

  /** Copies as much as fits, and continues when there is room. */
  copy(chunk: Uint8Array): Promise<void> | undefined {
    for (let at = 0; at < chunk.byteLength;) {
      if (this.#filled === PIECE) {
        const before = this.#hashed;
        this.handOver();
        const rest = chunk.subarray(at);
        if (before !== undefined) return before.then(() => this.copy(rest));
      }
      this.#piece ??= takePiece();
      const length = Math.min(chunk.byteLength - at, PIECE - this.#filled);
      copyToShared(chunk, at, at + length, this.#piece.bytes, this.#filled);
      this.#filled += length;
      at += length;
    }
    return undefined;
  }

  /** Has what was filled hashed. */
  handOver(): void {
    const piece = this.#piece;
    if (piece === undefined) return;
    const bytes = piece.bytes.subarray(0, this.#filled);
    this.#piece = undefined;
    this.#filled = 0;
    this.#handedOver.add(piece);
    const hashed = hashOn(this.#begin(), bytes, () => {
      if (this.#handedOver.delete(piece)) piece.giveBack();
      if (this.#hashed === hashed) this.#hashed = undefined;
    });
    this.#hashed = hashed;
  }

  /** Gives all memory back. What a thread finds in it from now on is not asked for. */
  close(): void {
    this.#piece?.giveBack();
    this.#piece = undefined;
    this.#filled = 0;
    for (const piece of this.#handedOver) piece.giveBack();
    this.#handedOver.clear();
  }
}

/** Memory that is filled a stretch at a time, while the stretches before are hashed. */
class Ring {
  readonly #bytes: Buffer;
  readonly #begin: () => readonly RemoteHasher[];
  /** For each stretch: when it may be written over. */
  readonly #free: (Promise<void> | undefined)[] = Array.from({ length: STRETCHES });
  #filling = 0;
  #filled = 0;

  constructor(memory: SharedArrayBuffer, begin: () => readonly RemoteHasher[]) {
    this.#bytes = Buffer.from(memory);
    this.#begin = begin;
  }

  /** Takes a piece that is already in place. */
  take(chunk: Uint8Array): Promise<void> | undefined {
    const next = (this.#filling + 1) % STRETCHES;
    this.#filled += chunk.byteLength;
    // At once: what comes next may be written to the memory before it is given.
    if (this.#filled === STRETCH) this.handOver();
    return this.#free[next];
  }

  /** Copies as much as fits, and continues when there is room. */
  copy(chunk: Uint8Array): Promise<void> | undefined {
    for (let at = 0; at < chunk.byteLength;) {
      if (this.#filled === STRETCH) {
        this.handOver();
        const free = this.#free[this.#filling];
        const rest = chunk.subarray(at);
        if (free !== undefined) return free.then(() => this.copy(rest));
      }
      const length = Math.min(chunk.byteLength - at, STRETCH - this.#filled);
      copyToShared(chunk, at, at + length, this.#bytes, this.#filling * STRETCH + this.#filled);
      this.#filled += length;
      at += length;
    }
    return undefined;
  }

  /** Starts hashing the filled stretch, and continues with the next, which the threads may still be reading. */
  handOver(): void {
    if (this.#filled === 0) return;
    const stretch = this.#filling;
    const start = stretch * STRETCH;
    const bytes = this.#bytes.subarray(start, start + this.#filled);
    this.#filling = (stretch + 1) % STRETCHES;
    this.#filled = 0;
    const free = hashOn(this.#begin(), bytes, () => {
      if (this.#free[stretch] === free) this.#free[stretch] = undefined;
    });
    this.#free[stretch] = free;
  }
}

/** Hashes bytes with every hasher, then calls `done`, also after a failure. The caller may leave a failure unobserved. */
function hashOn(hashers: readonly RemoteHasher[], bytes: Uint8Array, done: () => void): Promise<void> {
  const hashed = Promise.all(hashers.map((hasher) => hasher.hash(bytes))).then(() => {});
  hashed.then(done, done);
  return hashed;
}
