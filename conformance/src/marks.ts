import { type Patience, Watch } from "./watch.ts";

/** Points that one side has come to and the other waits for. */
export class Marks {
  readonly #reached = new Set<string>();
  readonly #watch = new Watch();

  set(name: string): void {
    this.#reached.add(name);
    this.#watch.wake();
  }

  async reached(name: string, patience: Patience): Promise<void> {
    const missing = (): string => `the other side never came to "${name}"`;
    await this.#watch.until(() => this.#reached.has(name) || undefined, missing, patience);
  }
}
