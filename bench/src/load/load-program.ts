// Sends requests over HTTP/1.1 on bare sockets and reads every answer to its end, trailers included. A process of its own,
// told by its parent what to do, task by task.
import { closedLoop } from "./closed-loop.ts";
import type { Connection } from "./connection.ts";
import type { Content } from "./exchange.ts";
import type { LoadTask } from "./load.ts";
import { openConnections } from "./open-connections.ts";
import { openLoop } from "./open-loop.ts";
import { senderOf } from "./senders.ts";

const large = JSON.parse(process.argv[2] ?? "") as Content;
let idle: Connection[] = [];

async function carryOut(task: LoadTask): Promise<unknown> {
  switch (task.kind) {
    case "closed-loop":
      return closedLoop(task, senderOf(task.exchange, task.port, large));
    case "open-loop":
      return openLoop(task, senderOf(task.exchange, task.port, large));
    case "open-idle":
      idle.push(...(await openConnections(task.port, task.connections, senderOf("small-response", task.port, large))));
      return true;
    case "close-idle":
      for (const connection of idle) connection.close();
      idle = [];
      return true;
  }
}

process.on("message", (task: LoadTask) => {
  void carryOut(task).then(
    (outcome) => process.send!({ outcome }),
    (error: Error) => process.send!({ failure: error.message }),
  );
});
process.on("disconnect", () => process.exit());
