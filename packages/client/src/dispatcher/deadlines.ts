import { IdleTimer } from "./idle-timer.ts";

/** Something that must make progress by a certain time. */
export interface HasDeadline {
  /** The time, in milliseconds on the clock of `performance.now`. */
  deadline: number;
  /** Called when the time has passed. */
  onOverdue(): void;
}

/** Watches many deadlines with one timer: a timer for each exchange would cost too much. */
export class Deadlines {
  readonly #all: Iterable<HasDeadline>;
  readonly #timer = new IdleTimer();
  /** The time of the next check. */
  #next = Number.POSITIVE_INFINITY;

  /** `all` is iterated at every check, and gives everything that has a deadline then. */
  constructor(all: Iterable<HasDeadline>) {
    this.#all = all;
  }

  /** Sets a deadline `timeout` milliseconds from now; 0 removes it. */
  set(holder: HasDeadline, timeout: number): void {
    holder.deadline = timeout === 0 ? Number.POSITIVE_INFINITY : performance.now() + timeout;
    if (holder.deadline >= this.#next) return;
    this.#next = holder.deadline;
    this.#timer.set(timeout, this.#check);
  }

  /** Stops watching: nothing has a deadline any more. */
  stop(): void {
    this.#timer.stop();
  }

  readonly #check = (): void => {
    const now = performance.now();
    this.#next = Number.POSITIVE_INFINITY;
    // A copy: overdue entries may be removed from the original while this runs.
    for (const holder of Array.from(this.#all)) {
      // Timers may fire up to a millisecond early.
      if (holder.deadline <= now + 1) {
        holder.deadline = Number.POSITIVE_INFINITY;
        holder.onOverdue();
      } else if (holder.deadline < this.#next) this.#next = holder.deadline;
    }
    if (this.#next !== Number.POSITIVE_INFINITY) this.#timer.set(this.#next - now, this.#check);
  };
}
