import { Connection, type ConnectionEvents } from "./connection.ts";
import { Count } from "./count.ts";
import type { ClosedLoop, LoadOutcome } from "./load.ts";
import type { Sender } from "./senders.ts";

/** Each connection asks again as soon as it is answered: as much as the subject can do. */
export function closedLoop(task: ClosedLoop, sender: Sender): Promise<LoadOutcome> {
  const { port, pid, connections, warm, seconds, times } = task;
  const count = new Count(pid, (answer) => sender.judge(answer));
  return new Promise((resolve) => {
    let left = connections;
    let over = false;
    const finish = (): void => {
      over = true;
      count.end();
    };
    const next = (connection: Connection, mayGoOn = true): void => {
      if (!over && times !== undefined && count.requests >= times) finish();
      if (mayGoOn && !over) {
        connection.ask();
        return;
      }
      connection.close();
      left -= 1;
      if (left > 0) return;
      if (!over) finish();
      resolve(count.outcome());
    };
    const events: ConnectionEvents = {
      answered(connection, answer) {
        count.answer(answer);
        next(connection);
      },
      broke(connection, reason) {
        // What always fails would do so without end.
        next(connection, count.fail(reason) <= connections);
      },
    };
    if (times === undefined) {
      setTimeout(() => count.begin(), warm * 1000);
      setTimeout(() => !over && finish(), (warm + seconds) * 1000);
    } else count.begin();
    for (let made = 0; made < connections; made += 1) new Connection(port, sender, events).ask();
  });
}
