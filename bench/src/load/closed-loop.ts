import { Connection } from "./connection.ts";
import { Count } from "./count.ts";
import type { ClosedLoop, LoadOutcome } from "./load.ts";
import { openConnections } from "./open-connections.ts";
import type { Sender } from "./senders.ts";

/** Each connection asks again as soon as it is answered: as much as the subject can do. */
export async function closedLoop(task: ClosedLoop, sender: Sender): Promise<LoadOutcome> {
  const { port, pid, warm, seconds, times } = task;
  const count = new Count(pid, sender);
  // What is counted by number is counted from the first.
  const connections =
    times === undefined
      ? await openConnections(port, task.connections, sender)
      : Array.from({ length: task.connections }, () => new Connection(port, sender));
  await new Promise<void>((resolve) => {
    let open = connections.length;
    let over = false;
    const finish = (): void => {
      if (over) return;
      over = true;
      count.end();
    };
    const leave = (connection: Connection): void => {
      connection.close();
      open -= 1;
      if (open > 0) return;
      finish();
      resolve();
    };
    const begin = (): void => {
      count.begin();
      if (times === undefined) setTimeout(finish, seconds * 1000);
    };
    // Warm is also what has made its own connections, as many as it needs now that all ask at once.
    let cold = connections.length * 2;
    let due = false;
    if (times === undefined) {
      setTimeout(() => {
        due = true;
      }, warm * 1000);
    } else begin();
    for (const connection of connections) {
      connection.events = {
        answered(answer) {
          count.answer(answer);
          cold -= 1;
          if (due && cold <= 0) {
            due = false;
            begin();
          }
          if (times !== undefined && count.requests >= times) finish();
          if (over) leave(connection);
          else connection.ask();
        },
        broke(reason) {
          // What always fails would do so without end.
          if (count.fail(reason) > connections.length || over) leave(connection);
          else connection.ask();
        },
      };
      connection.ask();
    }
  });
  return count.outcome();
}
