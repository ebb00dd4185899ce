import { Worker } from "node:worker_threads";

import { type Algorithm, TrailsumError } from "@trailsum/shared";

import type { DigestWorkerAnswer, DigestWorkerData, DigestWorkerTask } from "./digest-worker.ts";

// The source is run as it is, or as what it was compiled to: the worker has this module's own extension.
const WORKER = new URL(import.meta.url.endsWith(".ts") ? "./digest-worker.ts" : "./digest-worker.js", import.meta.url);

/** A thread that hashes stretches of shared memory with one algorithm. Tasks are done in the order they were given. */
export class DigestThread {
  readonly #algorithm: Algorithm;
  readonly #worker: Worker;
  readonly #waiting: PromiseWithResolvers<DigestWorkerAnswer>[] = [];
  #failure: TrailsumError | undefined;

  constructor(algorithm: Algorithm, memory: SharedArrayBuffer) {
    this.#algorithm = algorithm;
    this.#worker = new Worker(WORKER, { workerData: { algorithm, memory } satisfies DigestWorkerData });
    this.#worker.on("message", (answer: DigestWorkerAnswer) => this.#waiting.shift()?.resolve(answer));
    this.#worker.on("error", (cause) => this.#fail("a hashing thread failed", cause));
    this.#worker.on("exit", () => this.#fail("a hashing thread ended early"));
  }

  /** Hashes a stretch. Until the promise is settled nobody may write there. */
  async hash(start: number, end: number): Promise<void> {
    await this.#ask({ start, end });
  }

  /** The digest of all that was hashed. */
  async digest(): Promise<[Algorithm, Buffer]> {
    const answer = await this.#ask("digest");
    if (answer === "hashed") throw new TrailsumError("INTERNAL", "a hashing thread lost count");
    return [this.#algorithm, Buffer.from(answer.digest)];
  }

  /** Ends the thread, whatever it is doing. */
  close(): void {
    void this.#worker.terminate();
  }

  #ask(task: DigestWorkerTask): Promise<DigestWorkerAnswer> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const waiting = Promise.withResolvers<DigestWorkerAnswer>();
    this.#waiting.push(waiting);
    this.#worker.postMessage(task);
    return waiting.promise;
  }

  #fail(message: string, cause?: unknown): void {
    this.#failure ??= new TrailsumError("INTERNAL", message, { cause });
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#failure);
  }
}
