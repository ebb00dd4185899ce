import type { Connection } from "./connection.ts";
import { Count } from "./count.ts";
import type { LoadOutcome, OpenLoop } from "./load.ts";
import { openConnections } from "./open-connections.ts";
import type { Sender } from "./senders.ts";

/**
 * Requests at a fixed rate, whatever becomes of those before them. What counts is how long after it was due each was
 * answered: one that had to wait for a connection, because others were slow, was slow itself.
 */
export async function openLoop(task: OpenLoop, sender: Sender): Promise<LoadOutcome> {
  const { port, pid, rate, warm, seconds, times } = task;
  const count = new Count(pid, sender);
  const connections = await openConnections(port, task.connections, sender);
  const uncounted = times === undefined ? warm * rate : 0;
  const all = times ?? (warm + seconds) * rate;
  const free = [...connections];
  const waiting: number[] = [];
  const began = performance.now();
  const dueAt = (request: number): number => began + (request / rate) * 1000;
  let sent = 0;
  let answered = 0;
  const ask = (connection: Connection, due: number): void => {
    connection.due = due;
    connection.ask();
  };
  const next = (connection: Connection): void => {
    answered += 1;
    const due = waiting.shift();
    if (due === undefined) free.push(connection);
    else ask(connection, due);
  };
  for (const connection of connections) {
    connection.events = {
      answered(answer) {
        if (connection.due >= dueAt(uncounted)) count.latency((performance.now() - connection.due) / 1000);
        count.answer(answer);
        next(connection);
      },
      broke(reason) {
        count.fail(reason);
        next(connection);
      },
    };
  }
  setTimeout(() => count.begin(), (uncounted / rate) * 1000);
  await new Promise<void>((resolve) => {
    // It never sleeps: timers are too coarse, and what is late here would look late there.
    const go = (): void => {
      for (; sent < all && dueAt(sent) <= performance.now(); sent += 1) {
        const connection = free.pop();
        if (connection === undefined) waiting.push(dueAt(sent));
        else ask(connection, dueAt(sent));
      }
      if (answered < all) setImmediate(go);
      else resolve();
    };
    go();
  });
  count.end();
  for (const connection of connections) connection.close();
  return count.outcome();
}
