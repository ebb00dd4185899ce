import { LONGEST_TIMEOUT } from "@trailsum/shared";

/**
 * One deadline that is moved for every piece of a message. Moving it costs no timer: the one underneath fires at the
 * earliest deadline it was ever started for, looks, and waits for the rest. It never keeps the process alive.
 */
export class IdleTimer {
  #timer: NodeJS.Timeout | undefined;
  #firesAt = Number.POSITIVE_INFINITY;
  #deadline = Number.POSITIVE_INFINITY;
  #expired: (() => void) | undefined;

  /** Calls `expired` unless it is reset or cleared within `timeout` milliseconds; 0 means no limit. */
  set(timeout: number, expired: () => void): void {
    if (timeout === 0) {
      this.clear();
      return;
    }
    this.#deadline = performance.now() + timeout;
    this.#expired = expired;
    if (this.#deadline < this.#firesAt) this.#start(timeout);
  }

  /** No deadline any more. */
  clear(): void {
    this.#deadline = Number.POSITIVE_INFINITY;
    this.#expired = undefined;
  }

  /** No deadline, and no timer either: nothing will be set any more. */
  stop(): void {
    this.clear();
    clearTimeout(this.#timer);
    this.#firesAt = Number.POSITIVE_INFINITY;
  }

  #start(timeout: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fire(), Math.min(timeout, LONGEST_TIMEOUT)).unref();
    this.#firesAt = performance.now() + Math.min(timeout, LONGEST_TIMEOUT);
  }

  #fire(): void {
    this.#firesAt = Number.POSITIVE_INFINITY;
    if (this.#expired === undefined) return;
    // Timers may fire up to a millisecond early.
    const rest = this.#deadline - performance.now();
    if (rest > 1) {
      this.#start(rest);
      return;
    }
    const expired = this.#expired;
    this.clear();
    expired();
  }
}
