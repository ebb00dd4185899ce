import type { Algorithm } from "./algorithms.ts";
import { createDigester, type Digester } from "./digester.ts";

/** What is to be done for one content: where its bytes will be, which are ready, that all were, or to forget it. */
export type DigestTask = { readonly id: number } & (
  | { readonly algorithm: Algorithm; readonly memory: SharedArrayBuffer }
  | { readonly start: number; readonly end: number }
  | { readonly give: "digest" }
  | { readonly forget: true }
);

/** The answer to bytes and to the end of them: that they may be written over, or the digest. */
export interface DigestAnswer {
  readonly id: number;
  readonly digest?: Uint8Array;
}

interface Content {
  readonly algorithm: Algorithm;
  readonly memory: SharedArrayBuffer;
  readonly digester: Promise<Digester>;
}

/** Does the tasks of a hashing thread, in the order in which they come, on whatever thread it is used. */
export class DigestTasks {
  readonly #contents = new Map<number, Content>();
  readonly #answer: (answer: DigestAnswer) => void;

  constructor(answer: (answer: DigestAnswer) => void) {
    this.#answer = answer;
  }

  /** Does one task; bytes and their end are answered. */
  async do(task: DigestTask): Promise<void> {
    const { id } = task;
    if ("forget" in task) return void this.#contents.delete(id);
    if ("memory" in task) {
      this.#contents.set(id, { ...task, digester: createDigester([task.algorithm]) });
      return;
    }
    const content = this.#contents.get(id);
    if (content === undefined) return;
    const { algorithm, memory } = content;
    // Tasks that wait for one digester go on in the order in which they came.
    const digester = await content.digester;
    if ("start" in task) digester.update(new Uint8Array(memory, task.start, task.end - task.start));
    this.#answer("give" in task ? { id, digest: digester.digest().values.get(algorithm)! } : { id });
  }
}
