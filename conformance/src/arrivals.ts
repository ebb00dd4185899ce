import { quote } from "./endpoint.ts";
import { type Arrival, caseOf } from "./scripted-origin.ts";
import { type Patience, Watch } from "./watch.ts";

/** The requests of a case that have reached the origin. */
export class Arrivals {
  /** How many the script has taken. */
  taken = 0;
  readonly #waiting: Arrival[] = [];
  readonly #held = new Set<Arrival>();
  readonly #watch = new Watch();
  readonly #id: string;

  /** `id` names the case in its requests. */
  constructor(id: string) {
    this.#id = id;
  }

  add(arrival: Arrival): void {
    this.#waiting.push(arrival);
    this.#watch.wake();
  }

  async next(patience: Patience): Promise<Arrival> {
    const arrival = await this.#watch.until(
      () => this.#waiting.shift(),
      () => "the request did not reach it",
      patience,
    );
    this.taken += 1;
    this.#held.add(arrival);
    return arrival;
  }

  release(arrival: Arrival): void {
    this.#held.delete(arrival);
    arrival.release();
  }

  /**
   * Gives the connections back when the script is through. Nothing may follow what it has seen but the request of another
   * case: the proxy may have taken a connection that rests while the script goes on with its others.
   */
  finish(unfinished: Arrival | undefined): void {
    const through = [...this.#held].filter((arrival) => arrival !== unfinished);
    const later = through.find((arrival) => !arrival.multiplexed && !this.#isForOthers(arrival.unread()));
    if (later !== undefined) throw new Error(`got ${quote(later.unread())}, which was not sent`);
    for (const arrival of through) this.release(arrival);
  }

  #isForOthers(unread: string): boolean {
    const id = caseOf(unread);
    return unread === "" || (id !== undefined && id !== this.#id);
  }

  /** A request that has come and was not asked for. */
  stray(): string | undefined {
    const [extra] = this.#waiting;
    return extra === undefined ? undefined : quote(extra.unread());
  }

  /** Aborts what has not been returned. */
  close(): void {
    for (const arrival of [...this.#held, ...this.#waiting]) arrival.abandon();
  }
}
