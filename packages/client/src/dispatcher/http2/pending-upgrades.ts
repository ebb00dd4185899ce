import type { Exchange } from "../exchange.ts";

/** Upgrades that wait for the SETTINGS of the server, which say whether it can do them (RFC 8441 section 3). */
export class PendingUpgrades {
  readonly #exchanges = new Set<Exchange>();
  readonly #onDropped: () => void;

  /** `onDropped` is called when one of them has been aborted. */
  constructor(onDropped: () => void) {
    this.#onDropped = onDropped;
  }

  get size(): number {
    return this.#exchanges.size;
  }

  add(exchange: Exchange): void {
    this.#exchanges.add(exchange);
    exchange.carrier = {
      pause: () => {},
      resume: () => {},
      drop: () => {
        this.#exchanges.delete(exchange);
        this.#onDropped();
      },
    };
  }

  /** Hands each of them to `take`: the server's SETTINGS have come. */
  decide(take: (exchange: Exchange) => void): void {
    for (const exchange of this.#exchanges) {
      this.#exchanges.delete(exchange);
      take(exchange);
    }
  }

  fail(error: Error): void {
    for (const exchange of this.#exchanges) exchange.fail(error);
  }
}
