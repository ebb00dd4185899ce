/** Chunks of fewer bytes cost far more time than their content is worth. */
const SMALL = 16;
/** How many small chunks a request may have at once, and how many more for each second that it takes. */
const AT_ONCE = 65_536;
const PER_SECOND = 1_000;

/**
 * Counts the small chunks, or small DATA frames, of a request. Node emits each of them separately: a client that sends
 * only such chunks would take a hundred times the processor time of the same content in large ones.
 */
export class ChunkOverhead {
  readonly #since: number = performance.now();
  #small = 0;

  /** Counts a chunk of `length` bytes. Returns whether there were too many small ones. */
  exceededBy(length: number): boolean {
    if (length >= SMALL) return false;
    this.#small += 1;
    return this.#small > AT_ONCE && this.#small > AT_ONCE + (PER_SECOND * (performance.now() - this.#since)) / 1_000;
  }
}
