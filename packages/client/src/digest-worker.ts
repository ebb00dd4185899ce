import { parentPort, workerData } from "node:worker_threads";

import { type Algorithm, createDigester } from "@trailsum/shared";

/** What a digest worker is started with. */
export interface DigestWorkerData {
  readonly algorithm: Algorithm;
  /** Where the bytes are. */
  readonly memory: SharedArrayBuffer;
}

/** What it is told: to hash a stretch of that memory, or to give the digest. */
export type DigestWorkerTask = { readonly start: number; readonly end: number } | "digest";

/** What it answers to each: that the stretch may be written over, or the digest. */
export type DigestWorkerAnswer = "hashed" | { readonly digest: Uint8Array };

if (parentPort !== null) {
  const port = parentPort;
  // The one who starts it gives it just this.
  const { algorithm, memory } = workerData as DigestWorkerData;
  const digester = await createDigester([algorithm]);
  port.on("message", (task: DigestWorkerTask) => {
    let answer: DigestWorkerAnswer = "hashed";
    if (task === "digest") answer = { digest: digester.digest().values.get(algorithm)! };
    else digester.update(new Uint8Array(memory, task.start, task.end - task.start));
    port.postMessage(answer);
  });
}
