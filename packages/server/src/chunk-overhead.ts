/** Chunks of fewer bytes cost far more time than they bring content. */
const SMALL = 16;
/** So many of them one request may bring at once, and so many more in each second that it takes. */
const AT_ONCE = 65_536;
const PER_SECOND = 1_000;

/**
 * Counts the small chunks of a request, or small DATA frames. Node hands over each of them separately: a client that sends
 * nothing else would take a hundred times the processor time of one that sends the same content in large ones.
 */
export class ChunkOverhead {
  readonly #since: number = performance.now();
  #small = 0;

  /** Counts a chunk of so many bytes. Returns whether there have been too many small ones. */
  exceededBy(length: number): boolean {
    if (length >= SMALL) return false;
    this.#small += 1;
    return this.#small > AT_ONCE && this.#small > AT_ONCE + (PER_SECOND * (performance.now() - this.#since)) / 1_000;
  }
}
