import { TrailsumError } from "@trailsum/shared";

type Job = () => Promise<void>;

/** How many jobs of one client wait at most, and of all clients. */
const MAX_OF_CLIENT = 8;
const MAX_CLIENTS = 1_000;

/** Runs one job at a time, in turn for each client: a client with many jobs waits for itself, and not the others for it. */
export class FairQueue {
  readonly #waiting = new Map<string, Job[]>();
  #running = false;

  /** Runs a job when its turn has come. Rejects with `UNAVAILABLE` if too many wait. */
  async run<T>(client: string, job: () => Promise<T>): Promise<T> {
    const jobs = this.#waiting.get(client) ?? [];
    if (jobs.length >= MAX_OF_CLIENT || (jobs.length === 0 && this.#waiting.size >= MAX_CLIENTS)) {
      throw new TrailsumError("UNAVAILABLE", "too many credentials to check at a time: try again later");
    }
    return new Promise<T>((resolve, reject) => {
      jobs.push(() => job().then(resolve, reject));
      this.#waiting.set(client, jobs);
      if (!this.#running) void this.#runAll();
    });
  }

  async #runAll(): Promise<void> {
    this.#running = true;
    // A map gives what was added last at its end: a client whose turn it was goes there.
    for (const [client, jobs] of this.#waiting) {
      const job = jobs.shift();
      this.#waiting.delete(client);
      if (jobs.length > 0) this.#waiting.set(client, jobs);
      // oxlint-disable-next-line no-await-in-loop -- one at a time is the point
      await job?.();
    }
    this.#running = false;
  }
}
