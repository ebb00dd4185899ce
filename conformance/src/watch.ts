/** How long something is waited for, and what ends the waiting. */
export interface Patience {
  /** Milliseconds. */
  readonly timeout: number;
  readonly signal: AbortSignal;
}

/** Something that waits for input, and checks again whenever some has come. */
export class Watch {
  readonly #waiting = new Set<() => void>();

  /** There is news: everybody looks again. */
  wake(): void {
    for (const look of this.#waiting) look();
  }

  /**
   * Waits until `look` gives something. Rejects with what `missing` says after `timeout` milliseconds, or when `signal`
   * says so.
   */
  async until<Found>(
    look: () => Found | undefined,
    missing: () => string,
    { timeout, signal }: Patience,
  ): Promise<Found> {
    const end = performance.now() + timeout;
    for (;;) {
      signal.throwIfAborted();
      const found = look();
      if (found !== undefined) return found;
      const left = end - performance.now();
      if (left <= 0) throw new Error(`${missing()} (waited ${timeout} ms)`);
      await this.#news(left, signal);
    }
  }

  #news(timeout: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, timeout);
      this.#waiting.add(done);
      signal.addEventListener("abort", done, { once: true });
    });
  }
}
