import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";

import type { Algorithm } from "./algorithms.ts";
import type { DigestWorkerAnswer, DigestWorkerTask } from "./digest-worker.ts";
import { TrailsumError } from "./errors.ts";

/** The hashing of one content with one algorithm on a thread. Stretches are hashed in the order in which they are given. */
export interface RemoteHasher {
  /** Hashes a stretch of the shared memory. Until it settles nobody may write there. */
  hash(start: number, end: number): Promise<void>;
  /** The digest of all that was hashed. */
  digest(): Promise<Buffer>;
  /** Lets go of it, whether or not it has come to its end. */
  close(): void;
}

// The source is run as it is, or as what it was compiled to: the worker has this module's own extension.
const WORKER = new URL(import.meta.url.endsWith(".ts") ? "./digest-worker.ts" : "./digest-worker.js", import.meta.url);

/** How many processors there are. Asked once: to find it out takes the system longer than to hash small content. */
export const CORES: number = availableParallelism();

// They are kept: starting one costs more than hashing some megabytes. More than there are cores would help nobody.
const threads = new Set<DigestThread>();

/** Begins to hash what will be in `memory`, on the thread that has the least to do. */
export function hashBeside(algorithm: Algorithm, memory: SharedArrayBuffer): RemoteHasher {
  const [least] = [...threads].toSorted((one, other) => one.load - other.load);
  if (least !== undefined && (least.load === 0 || threads.size >= CORES)) {
    return least.begin(algorithm, memory);
  }
  const thread = new DigestThread(() => threads.delete(thread));
  threads.add(thread);
  return thread.begin(algorithm, memory);
}

type Waiting = PromiseWithResolvers<Uint8Array | undefined>;

class DigestThread {
  readonly #worker = new Worker(WORKER);
  readonly #waiting = new Map<number, Waiting[]>();
  #last = 0;
  #outstanding = 0;
  #failure: TrailsumError | undefined;

  constructor(onGone: () => void) {
    // A process may end while it has nothing to hash.
    this.#worker.unref();
    this.#worker.on("message", ({ id, digest }: DigestWorkerAnswer) => this.#settle(id, digest));
    const gone = (cause?: unknown): void => {
      onGone();
      this.#fail(cause);
    };
    this.#worker.on("error", gone).on("exit", () => gone());
  }

  /** How many contents it is hashing. */
  get load(): number {
    return this.#waiting.size;
  }

  begin(algorithm: Algorithm, memory: SharedArrayBuffer): RemoteHasher {
    this.#last += 1;
    const id = this.#last;
    this.#waiting.set(id, []);
    this.#tell({ id, algorithm, memory });
    return {
      hash: async (start, end) => void (await this.#ask({ id, start, end })),
      digest: async () => Buffer.from((await this.#ask({ id, give: "digest" })) ?? []),
      close: () => {
        if (this.#waiting.delete(id)) this.#tell({ id, forget: true });
      },
    };
  }

  #ask(task: DigestWorkerTask): Promise<Uint8Array | undefined> {
    const waiting = this.#waiting.get(task.id);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (waiting === undefined) return Promise.reject(new TrailsumError("INTERNAL", "the hashing was closed before"));
    const answer: Waiting = Promise.withResolvers();
    waiting.push(answer);
    if (this.#outstanding === 0) this.#worker.ref();
    this.#outstanding += 1;
    this.#tell(task);
    return answer.promise;
  }

  #tell(task: DigestWorkerTask): void {
    this.#worker.postMessage(task);
  }

  #settle(id: number, digest: Uint8Array | undefined): void {
    this.#outstanding -= 1;
    if (this.#outstanding === 0) this.#worker.unref();
    this.#waiting.get(id)?.shift()?.resolve(digest);
  }

  #fail(cause: unknown): void {
    this.#failure ??= new TrailsumError("INTERNAL", "a hashing thread ended early", { cause });
    const lost = [...this.#waiting.values()].flat();
    this.#waiting.clear();
    for (const { reject } of lost) reject(this.#failure);
  }
}
