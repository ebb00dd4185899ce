import { Connection, type ConnectionEvents } from "./connection.ts";
import { Count } from "./count.ts";
import type { LoadOutcome, OpenLoop } from "./load.ts";
import type { Sender } from "./senders.ts";

/**
 * Requests at a fixed rate, whatever becomes of those before them. What counts is how long after it was due each was
 * answered: one that had to wait for a connection, because others were slow, was slow itself.
 */
export function openLoop(task: OpenLoop, sender: Sender): Promise<LoadOutcome> {
  const { port, pid, connections, rate, warm, seconds, times } = task;
  const count = new Count(pid, (answer) => sender.judge(answer));
  const free: Connection[] = [];
  const waiting: number[] = [];
  const uncounted = times === undefined ? warm * rate : 0;
  const all = times ?? (warm + seconds) * rate;
  let due = 0;
  let answered = 0;
  const ask = (connection: Connection, at: number): void => {
    connection.due = at;
    connection.ask();
  };
  return new Promise((resolve) => {
    const next = (connection: Connection): void => {
      const at = waiting.shift();
      if (at === undefined) free.push(connection);
      else ask(connection, at);
      answered += 1;
    };
    const events: ConnectionEvents = {
      answered(connection, answer) {
        if (connection.due >= began + (uncounted / rate) * 1000)
          count.latencies.push((performance.now() - connection.due) / 1000);
        count.answer(answer);
        next(connection);
      },
      broke(connection, reason) {
        count.fail(reason);
        next(connection);
      },
    };
    for (let made = 0; made < connections; made += 1) free.push(new Connection(port, sender, events));
    const began = performance.now();
    if (uncounted === 0) count.begin();
    else setTimeout(() => count.begin(), warm * 1000);
    // It never sleeps: timers are too coarse, and what is late here would look late there.
    const go = (): void => {
      const now = performance.now();
      for (; due < all && began + (due / rate) * 1000 <= now; due += 1) {
        const at = began + (due / rate) * 1000;
        const connection = free.pop();
        if (connection === undefined) waiting.push(at);
        else ask(connection, at);
      }
      if (answered < all) {
        setImmediate(go);
        return;
      }
      count.end();
      for (const connection of free) connection.close();
      resolve(count.outcome());
    };
    go();
  });
}
