import { parentPort } from "node:worker_threads";

import { type DigestTask, DigestTasks } from "./digest-tasks.ts";

// What a hashing thread runs.
if (parentPort !== null) {
  const port = parentPort;
  const tasks = new DigestTasks((answer) => port.postMessage(answer));
  port.on("message", (task: DigestTask) => void tasks.do(task));
}
