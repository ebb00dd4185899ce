import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";

import type { Algorithm } from "./algorithms.ts";
import { type DigestAnswer, type DigestTask, DigestTasks } from "./digest-tasks.ts";
import { TrailsumError } from "./errors.ts";

/** The hashing of one content with one algorithm on a thread. Stretches are hashed in the order in which they are given. */
export interface RemoteHasher {
  /** Hashes these bytes, which are in shared memory. Nothing may be written there until it settles. */
  hash(bytes: Uint8Array): Promise<void>;
  /** The digest of all that was hashed. */
  digest(): Promise<Buffer>;
  /** Releases it, finished or not. */
  close(): void;
}

/** The number of processors. Read once: the call takes longer than hashing small content. */
const CORES: number = availableParallelism();

// Threads are kept: starting one costs more than hashing some megabytes. More threads than cores would not help.
const threads = new Set<DigestThread>();

let usable = true;

/** Whether hashing on another thread is faster: there is more than one core, and threads can be started. */
export function threadsHelp(): boolean {
  return CORES > 1 && usable;
}

/** Begins to hash a content, on the thread that has the least to do. */
export function hashBeside(algorithm: Algorithm): RemoteHasher {
  const [least] = [...threads].toSorted((one, other) => one.load - other.load);
  if (least !== undefined && (least.load === 0 || threads.size >= CORES)) {
    return least.begin(algorithm);
  }
  const thread = new DigestThread(() => threads.delete(thread));
  threads.add(thread);
  return thread.begin(algorithm);
}

type Waiting = PromiseWithResolvers<Uint8Array | undefined>;

/**
 * A hashing thread. If it cannot be started, its tasks run on the calling thread: there may be no worker file (in a
 * bundle), no permission to start a worker, or flags that a worker refuses (`--input-type`).
 */
class DigestThread {
  readonly #waiting = new Map<number, Waiting[]>();
  /** The tasks sent before the first answer; they are done here if the thread never starts. */
  #untested: DigestTask[] | undefined = [];
  #worker: Worker | undefined;
  #here: DigestTasks | undefined;
  #last = 0;
  #outstanding = 0;
  #failure: TrailsumError | undefined;

  constructor(onGone: () => void) {
    const gone = (cause?: unknown): void => {
      if (this.#here !== undefined) return;
      if (this.#untested !== undefined) {
        this.#doHere(this.#untested);
        return;
      }
      onGone();
      this.#fail(cause);
    };
    try {
      this.#worker = new Worker(workerFile());
      // A process may end while it has nothing to hash.
      this.#worker.unref();
      this.#worker.on("message", (answer: DigestAnswer) => this.#settle(answer)).on("error", gone);
      this.#worker.on("exit", () => gone());
    } catch {
      this.#doHere([]);
    }
  }

  /** How many contents it is hashing. */
  get load(): number {
    return this.#waiting.size;
  }

  begin(algorithm: Algorithm): RemoteHasher {
    this.#last += 1;
    const id = this.#last;
    this.#waiting.set(id, []);
    this.#send({ id, algorithm });
    return {
      hash: async (bytes) => void (await this.#ask({ id, bytes })),
      digest: async () => Buffer.from((await this.#ask({ id, give: "digest" })) ?? []),
      close: () => {
        if (this.#waiting.delete(id)) this.#send({ id, forget: true });
      },
    };
  }

  #ask(task: DigestTask): Promise<Uint8Array | undefined> {
    const waiting = this.#waiting.get(task.id);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (waiting === undefined) return Promise.reject(new TrailsumError("INTERNAL", "the hashing was closed before"));
    const answer: Waiting = Promise.withResolvers();
    waiting.push(answer);
    if (this.#outstanding === 0) this.#worker?.ref();
    this.#outstanding += 1;
    this.#send(task);
    return answer.promise;
  }

  #send(task: DigestTask): void {
    if (this.#here !== undefined) {
      void this.#here.do(task);
      return;
    }
    this.#untested?.push(task);
    this.#worker?.postMessage(task);
  }

  #settle({ id, digest }: DigestAnswer): void {
    this.#untested = undefined;
    this.#outstanding -= 1;
    if (this.#outstanding === 0) this.#worker?.unref();
    this.#waiting.get(id)?.shift()?.resolve(digest);
  }

  /** Nothing has been answered, and so nothing has been written over: these tasks can all be done here. */
  #doHere(tasks: readonly DigestTask[]): void {
    usable = false;
    this.#worker = undefined;
    this.#untested = undefined;
    const here = new DigestTasks((answer) => this.#settle(answer));
    this.#here = here;
    for (const task of tasks) void here.do(task);
  }

  #fail(cause: unknown): void {
    this.#failure ??= new TrailsumError("INTERNAL", "a hashing thread ended early", { cause });
    const lost = [...this.#waiting.values()].flat();
    this.#waiting.clear();
    for (const { reject } of lost) reject(this.#failure);
  }
}

/** The source runs directly or compiled: the worker has the extension of this module. */
function workerFile(): URL {
  // A CommonJS bundle has no `import.meta.url`.
  if ((import.meta.url as string | undefined) === undefined)
    throw new TrailsumError("INTERNAL", "no file for a hashing thread");
  return new URL(import.meta.url.endsWith(".ts") ? "./digest-worker.ts" : "./digest-worker.js", import.meta.url);
}
