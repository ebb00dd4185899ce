import type { Algorithm } from "./algorithms.ts";
import { hashBeside, type RemoteHasher, threadsHelp } from "./digest-threads.ts";
import { createDigester, type Digester, type Digests } from "./digester.ts";

/** A digester for a stream: it may hash somewhere else, and ask whoever feeds it to wait. */
export interface StreamDigester {
  /** How many bytes have passed so far. */
  readonly size: number;
  /**
   * Where the next bytes may be put, so that they need not be copied to be hashed on another thread; nothing where they
   * are hashed in place. A byte has its place at its offset in the content, modulo the size of this memory. A piece of
   * it that was given to `update` is read for longer: once that is done, the {@link STRETCH} behind the piece's own may
   * be written over, and nothing else.
   */
  readonly memory: SharedArrayBuffer | undefined;
  /** Takes the next bytes, which have been read once it is done. What it gives is to be awaited before the next ones. */
  update(chunk: Uint8Array): Promise<void> | undefined;
  /** What was found. Nothing can be added afterwards. */
  digest(): Promise<Digests>;
  /** Lets go of it, whether or not it has come to its end. */
  close(): void;
}

/** Of this much nothing is known yet: most contents are small, and are hashed at their end from this. */
const SMALL = 64 * 1024;
/** In this many bytes content is handed to another thread. */
export const STRETCH: number = 512 * 1024;
const STRETCHES = 4;

/**
 * A digester for `size` bytes, or for nobody knows how many. Hashing is what a transfer spends most of its time on, so
 * where there is more than one core it happens beside the reading and sending, on a thread for each algorithm. At most
 * as many threads as cores are ever started, for all contents together, and nothing below 2 MiB is worth one. Where no
 * thread can be had, everything is hashed in place.
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
 * Copies what it is given into memory that it shares with the threads, and hands it over a stretch at a time. What fits
 * into that memory as a whole never goes to one.
 */
class ThreadedDigester implements StreamDigester {
  size = 0;
  readonly memory: SharedArrayBuffer | undefined;
  readonly #algorithms: readonly Algorithm[];
  #bytes: Uint8Array;
  /** For each stretch: when it may be written over. */
  readonly #free: (Promise<void> | undefined)[] = Array.from({ length: STRETCHES });
  #hashers: readonly RemoteHasher[] | undefined;
  #filling = 0;
  #filled = 0;

  constructor(algorithms: readonly Algorithm[], size: number | undefined) {
    this.#algorithms = algorithms;
    // Of content whose size is not known it may turn out that there is next to none.
    this.memory = size === undefined ? undefined : new SharedArrayBuffer(STRETCH * STRETCHES);
    this.#bytes = this.memory === undefined ? Buffer.allocUnsafe(SMALL) : new Uint8Array(this.memory);
  }

  update(chunk: Uint8Array): Promise<void> | undefined {
    if (chunk.buffer === this.memory) return this.#take(chunk);
    if (this.#bytes.length === SMALL && this.size + chunk.byteLength > SMALL) this.#outgrow();
    this.size += chunk.byteLength;
    return this.#copy(chunk);
  }

  async digest(): Promise<Digests> {
    if (this.#hashers === undefined) {
      const digester = await createDigester(this.#algorithms);
      digester.update(this.#bytes.subarray(0, this.size));
      return digester.digest();
    }
    this.#handOver();
    const digests = await Promise.all(this.#hashers.map((hasher) => hasher.digest()));
    this.close();
    return { size: this.size, values: new Map(this.#algorithms.map((algorithm, at) => [algorithm, digests[at]!])) };
  }

  close(): void {
    for (const hasher of this.#hashers ?? []) hasher.close();
  }

  #outgrow(): void {
    const shared = new Uint8Array(new SharedArrayBuffer(STRETCH * STRETCHES));
    shared.set(this.#bytes.subarray(0, this.size));
    this.#bytes = shared;
  }

  /** Takes a piece that lies in its place already. */
  #take(chunk: Uint8Array): Promise<void> | undefined {
    const behind = (this.#filling + 1) % STRETCHES;
    this.size += chunk.byteLength;
    this.#filled += chunk.byteLength;
    if (this.#filled === STRETCH) {
      // At once: what comes next may be written to the memory before it is given.
      this.#hashers ??= this.#begin();
      this.#handOver();
      this.#filling = behind;
      this.#filled = 0;
    }
    return this.#free[behind];
  }

  /** Copies as far as there is room, and goes on when there is more. */
  #copy(chunk: Uint8Array): Promise<void> | undefined {
    for (let at = 0; at < chunk.byteLength;) {
      if (this.#filled === STRETCH) {
        const free = this.#advance();
        const rest = chunk.subarray(at);
        if (free !== undefined) return free.then(() => this.#copy(rest));
      }
      const length = Math.min(chunk.byteLength - at, STRETCH - this.#filled);
      this.#bytes.set(chunk.subarray(at, at + length), this.#filling * STRETCH + this.#filled);
      this.#filled += length;
      at += length;
    }
    return undefined;
  }

  /** The stretch is full: on to the next one, which may still be read by the threads. */
  #advance(): Promise<void> | undefined {
    if (this.#hashers !== undefined) this.#handOver();
    else if (this.#filling === STRETCHES - 1) this.#start();
    this.#filling = (this.#filling + 1) % STRETCHES;
    this.#filled = 0;
    return this.#free[this.#filling];
  }

  /** The memory is full for the first time. */
  #start(): void {
    this.#hashers = this.#begin();
    for (this.#filling = 0; this.#filling < STRETCHES; this.#filling += 1) this.#handOver();
    this.#filling = STRETCHES - 1;
  }

  #begin(): RemoteHasher[] {
    const memory = this.#bytes.buffer as SharedArrayBuffer;
    return this.#algorithms.map((algorithm) => hashBeside(algorithm, memory));
  }

  #handOver(): void {
    const stretch = this.#filling;
    const start = stretch * STRETCH;
    const end = start + this.#filled;
    const hashed = this.#hashers!.map((hasher) => hasher.hash(start, end));
    const free = Promise.all(hashed).then(() => {
      this.#free[stretch] = undefined;
    });
    // Whoever waits for it next, or for the digest, is told.
    free.catch(() => {});
    this.#free[stretch] = free;
  }
}
