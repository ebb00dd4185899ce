/** The time over which a rate is averaged. Milliseconds. */
const WINDOW = 10_000;

/**
 * Whether a peer moves content as fast as it must. A connection that moves a byte every few seconds is never idle, and
 * occupies as many resources as an active one. Time in which the server did not wait for the peer does not count.
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
