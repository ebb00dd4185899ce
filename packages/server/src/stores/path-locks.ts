/** Lets one thing happen at a time for each path, in the order of asking. */
export class PathLocks {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs an action while no other one runs for this path. Settles as the action does. */
  async hold<T>(path: string, action: () => Promise<T>): Promise<T> {
    const before = this.#last.get(path) ?? Promise.resolve();
    const turn = before.then(action, action);
    this.#last.set(path, turn);
    try {
      return await turn;
    } finally {
      if (this.#last.get(path) === turn) this.#last.delete(path);
    }
  }
}
