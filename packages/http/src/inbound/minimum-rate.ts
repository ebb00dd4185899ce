/** The time over which a rate is averaged. Milliseconds. */
const WINDOW = 10_000;

/**
 * Whether a peer moves content as fast as it must. A connection that moves a byte every few seconds is never idle, and
 * occupies as much here as one that is used. Time in which the peer was not waited for does not count against it.
 */
export class MinimumRate {
  readonly #bytesPerSecond: number;
  #since: number | undefined;
  #from = 0;

  /** 0 demands nothing. */
  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** `moved` is the number of bytes so far; `waited` whether it was the peer's turn, now and at the last look. */
  isMissed(now: number, moved: number, waited: boolean): boolean {
    if (this.#bytesPerSecond === 0) return false;
    const elapsed = this.#since === undefined ? 0 : now - this.#since;
    const missed = waited && elapsed >= WINDOW && (moved - this.#from) * 1_000 < this.#bytesPerSecond * elapsed;
    if (!waited) this.#since = undefined;
    else if (this.#since === undefined || elapsed >= WINDOW) {
      this.#since = now;
      this.#from = moved;
    }
    return missed;
  }
}
