import { availableParallelism } from "node:os";

import { type Algorithm, createDigester, type Digester, type Digests } from "@trailsum/shared";

import { DigestThread } from "./digest-thread.ts";

/** A digester for a stream: it may hash somewhere else, and ask whoever feeds it to wait. */
export interface StreamDigester {
  /** How many bytes have passed so far. */
  readonly size: number;
  /** Takes the next bytes, which have been read when it returns. What it gives is to be awaited before the next ones. */
  update(chunk: Uint8Array): Promise<void> | undefined;
  /** What was found. Nothing can be added afterwards. */
  digest(): Promise<Digests>;
  /** Lets go of it, whether or not it has come to its end. */
  close(): void;
}

const STRETCH = 512 * 1024;
const STRETCHES = 4;
/** Below this a thread costs more than it saves. */
const WORTH_A_THREAD = STRETCH * STRETCHES;

/**
 * A digester for `size` bytes, or for nobody knows how many. Hashing is what an upload spends most of its time on, so
 * where there is more than one core it happens beside the reading and sending, on a thread for each algorithm.
 */
export async function createStreamDigester(
  algorithms: readonly Algorithm[],
  size: number | undefined,
): Promise<StreamDigester> {
  const beside = availableParallelism() > 1 && (size === undefined || size > WORTH_A_THREAD);
  if (beside) return new ThreadedDigester([...new Set(algorithms)]);
  return inPlace(await createDigester(algorithms));
}

function inPlace(digester: Digester): StreamDigester {
  return {
    get size() {
      return digester.size;
    },
    update(chunk) {
      digester.update(chunk);
      return undefined;
    },
    digest: () => Promise.resolve(digester.digest()),
    close() {},
  };
}

/**
 * Copies what it is given into memory that it shares with its threads, and hands it over a stretch at a time. What fits
 * into that memory as a whole never starts one.
 */
class ThreadedDigester implements StreamDigester {
  size = 0;
  readonly #algorithms: readonly Algorithm[];
  readonly #memory = new SharedArrayBuffer(STRETCH * STRETCHES);
  readonly #bytes = new Uint8Array(this.#memory);
  /** For each stretch: when it may be written over. */
  readonly #free: (Promise<unknown> | undefined)[] = Array.from({ length: STRETCHES });
  #threads: DigestThread[] | undefined;
  #filling = 0;
  #filled = 0;

  constructor(algorithms: readonly Algorithm[]) {
    this.#algorithms = algorithms;
  }

  update(chunk: Uint8Array): Promise<void> | undefined {
    this.size += chunk.byteLength;
    return this.#copy(chunk);
  }

  async digest(): Promise<Digests> {
    if (this.#threads === undefined) {
      const digester = await createDigester(this.#algorithms);
      digester.update(this.#bytes.subarray(0, this.size));
      return digester.digest();
    }
    this.#handOver();
    const digests = await Promise.all(this.#threads.map((thread) => thread.digest()));
    return { size: this.size, values: new Map(digests) };
  }

  close(): void {
    for (const thread of this.#threads ?? []) thread.close();
  }

  /** Copies as far as there is room, and goes on when there is more. */
  #copy(chunk: Uint8Array): Promise<void> | undefined {
    let at = 0;
    while (at < chunk.byteLength) {
      if (this.#filled === STRETCH) {
        const free = this.#advance();
        if (free !== undefined) return free.then(() => this.#copy(chunk.subarray(at)));
      }
      const length = Math.min(chunk.byteLength - at, STRETCH - this.#filled);
      this.#bytes.set(chunk.subarray(at, at + length), this.#filling * STRETCH + this.#filled);
      this.#filled += length;
      at += length;
    }
    return undefined;
  }

  /** The stretch is full: on to the next one, which may still be read by the threads. */
  #advance(): Promise<unknown> | undefined {
    if (this.#threads !== undefined) this.#handOver();
    else if (this.#filling === STRETCHES - 1) this.#start();
    this.#filling = (this.#filling + 1) % STRETCHES;
    this.#filled = 0;
    return this.#free[this.#filling];
  }

  /** The memory is full for the first time. */
  #start(): void {
    this.#threads = this.#algorithms.map((algorithm) => new DigestThread(algorithm, this.#memory));
    for (this.#filling = 0; this.#filling < STRETCHES; this.#filling += 1) this.#handOver();
    this.#filling = STRETCHES - 1;
  }

  #handOver(): void {
    const stretch = this.#filling;
    const start = stretch * STRETCH;
    const hashed = this.#threads!.map((thread) => thread.hash(start, start + this.#filled));
    const free = Promise.all(hashed).then(() => {
      this.#free[stretch] = undefined;
    });
    // Whoever waits for it next, or for the digest, is told.
    free.catch(() => {});
    this.#free[stretch] = free;
  }
}
