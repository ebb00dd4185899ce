import { parentPort } from "node:worker_threads";

import { type Algorithm } from "./algorithms.ts";
import { createDigester, type Digester } from "./digester.ts";

/** What a hashing thread is told about one content: where its bytes will be, which are ready, that all were, or to forget it. */
export type DigestWorkerTask = { readonly id: number } & (
  | { readonly algorithm: Algorithm; readonly memory: SharedArrayBuffer }
  | { readonly start: number; readonly end: number }
  | { readonly give: "digest" }
  | { readonly forget: true }
);

/** What it answers, to bytes and to the end of them: that they may be written over, or the digest. */
export interface DigestWorkerAnswer {
  readonly id: number;
  readonly digest?: Uint8Array;
}

interface Content {
  readonly algorithm: Algorithm;
  readonly memory: SharedArrayBuffer;
  readonly digester: Promise<Digester>;
}

if (parentPort !== null) {
  const port = parentPort;
  const contents = new Map<number, Content>();
  port.on("message", async (task: DigestWorkerTask) => {
    const { id } = task;
    if ("forget" in task) return void contents.delete(id);
    if ("memory" in task) {
      contents.set(id, { ...task, digester: createDigester([task.algorithm]) });
      return;
    }
    const { algorithm, memory, digester } = contents.get(id)!;
    // Those who wait for one digester go on in the order in which they came.
    const ready = await digester;
    if ("start" in task) ready.update(new Uint8Array(memory, task.start, task.end - task.start));
    const answer = "give" in task ? { id, digest: ready.digest().values.get(algorithm)! } : { id };
    port.postMessage(answer satisfies DigestWorkerAnswer);
  });
}
