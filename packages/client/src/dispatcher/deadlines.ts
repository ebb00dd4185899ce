import { IdleTimer } from "./idle-timer.ts";

/** Something that must have come on by a certain time. */
export interface Dated {
  /** On the clock of `performance.now`. */
  deadline: number;
  /** It has not. */
  onOverdue(): void;
}

/** The deadlines of many things with one timer: one of its own for each exchange would cost more than it says. */
export class Deadlines {
  readonly #dated: Iterable<Dated>;
  readonly #timer = new IdleTimer();
  /** When it looks next. */
  #next = Number.POSITIVE_INFINITY;

  /** `dated` are all that there are, whenever it looks. */
  constructor(dated: Iterable<Dated>) {
    this.#dated = dated;
  }

  /** Gives `dated` so many milliseconds from now; 0 is for ever. */
  set(dated: Dated, timeout: number): void {
    dated.deadline = timeout === 0 ? Number.POSITIVE_INFINITY : performance.now() + timeout;
    if (dated.deadline >= this.#next) return;
    this.#next = dated.deadline;
    this.#timer.set(timeout, this.#look);
  }

  /** Nothing is dated any more. */
  stop(): void {
    this.#timer.stop();
  }

  readonly #look = (): void => {
    const now = performance.now();
    this.#next = Number.POSITIVE_INFINITY;
    // A list of its own: what is overdue may leave the one that is looked through.
    const all = Array.from(this.#dated);
    for (const dated of all) {
      // Timers may fire up to a millisecond early.
      if (dated.deadline <= now + 1) {
        dated.deadline = Number.POSITIVE_INFINITY;
        dated.onOverdue();
      } else if (dated.deadline < this.#next) this.#next = dated.deadline;
    }
    if (this.#next !== Number.POSITIVE_INFINITY) this.#timer.set(this.#next - now, this.#look);
  };
}
