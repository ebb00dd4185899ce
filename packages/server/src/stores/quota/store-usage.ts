import { TrailsumError } from "@trailsum/shared";

import type { Store } from "../store.ts";

/** Other processes may serve the same store, and files may be added by hand: the usage is counted this often. */
const RECOUNT = 60_000;

/** How many bytes are in a store, against a quota: objects, uploads that are not complete, and what is being received. */
export class StoreUsage {
  readonly #store: Store;
  readonly #quota: number;
  /** Objects and uploads: counted as they change, and recounted from time to time. */
  #stored = 0;
  #reserved = 0;
  #counted = Number.NEGATIVE_INFINITY;
  #counting: Promise<void> | undefined;

  constructor(store: Store, quota: number) {
    this.#store = store;
    this.#quota = quota;
  }

  /** Begins to count, without waiting for it. */
  start(): void {
    this.room().catch(() => {});
  }

  /** How many bytes there is room for. The first answer waits for the first count; later ones do not wait. */
  async room(): Promise<number> {
    if (performance.now() - this.#counted >= RECOUNT) {
      this.#counting ??= this.#recount().finally(() => {
        this.#counting = undefined;
      });
      if (this.#counted === Number.NEGATIVE_INFINITY) await this.#counting;
      else this.#counting.catch(() => {});
    }
    return Math.max(0, this.#quota - this.#stored - this.#reserved);
  }

  /** Throws `NO_SPACE` without room for so many bytes. */
  async admit(bytes: number): Promise<void> {
    if (bytes > (await this.room())) throw this.#full();
  }

  /** Room for content of a size that may be known. */
  async reserve(size: number | undefined): Promise<Reservation> {
    await this.admit(size ?? 1);
    let reserved = 0;
    const grow = (bytes: number): TrailsumError | undefined => {
      if (this.#stored + this.#reserved + bytes > this.#quota) return this.#full();
      reserved += bytes;
      this.#reserved += bytes;
      return undefined;
    };
    const fault = grow(size ?? 0);
    if (fault !== undefined) throw fault;
    return {
      reach: (written) => (written > reserved ? grow(written - reserved) : undefined),
      release: () => {
        this.#reserved -= reserved;
        reserved = 0;
      },
    };
  }

  /** Counts bytes that were stored, or removed where the number is negative. */
  add(bytes: number): void {
    this.#stored += bytes;
  }

  /** The size of the object at a path; 0 without an object. */
  async sizeOf(path: string): Promise<number> {
    const object = await this.#store.open(path);
    await object?.close();
    return object?.size ?? 0;
  }

  async #recount(): Promise<void> {
    let bytes = 0;
    for await (const { size } of (await this.#store.list("", { recursive: true })) ?? []) bytes += size;
    for await (const { size } of this.#store.uploads.entries()) bytes += size;
    this.#stored = bytes;
    this.#counted = performance.now();
  }

  #full(): TrailsumError {
    return new TrailsumError("NO_SPACE", `the ${this.#quota} bytes that may be stored here are used up`);
  }
}

/** Room that is kept for content while it is received. */
export interface Reservation {
  /** Counts content as far as it has come. Returns an error if it goes beyond the room. */
  readonly reach: (written: number) => TrailsumError | undefined;
  /** Gives the room back: the content was stored and is counted there, or was discarded. */
  readonly release: () => void;
}
