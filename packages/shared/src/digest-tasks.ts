import type { Algorithm } from "./algorithms.ts";
import { createDigester, type Digester } from "./digester.ts";

/** What is to be done for one content: to begin it, to hash its next bytes, to give its digest, or to forget it. */
export type DigestTask = { readonly id: number } & (
  | { readonly algorithm: Algorithm }
  | { readonly bytes: Uint8Array }
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
  readonly digester: Promise<Digester>;
}

/** Runs the tasks of a hashing thread in order, on the thread that calls it. */
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
    if ("algorithm" in task) {
      this.#contents.set(id, { ...task, digester: createDigester([task.algorithm]) });
      return;
    }
    const content = this.#contents.get(id);
    if (content === undefined) return;
    const { algorithm } = content;
    // Tasks that wait for one digester go on in the order in which they came.
    const digester = await content.digester;
    if ("bytes" in task) digester.update(task.bytes);
    this.#answer("give" in task ? { id, digest: digester.digest().values.get(algorithm)! } : { id });
  }
}
