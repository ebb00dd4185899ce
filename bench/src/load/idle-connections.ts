import { Connection } from "./connection.ts";
import type { Sender } from "./senders.ts";

const AT_ONCE = 16;

/** Makes so many connections, asks once on each, and leaves them open. Rejects when one cannot be had. */
export function openIdle(port: number, count: number, sender: Sender): Promise<Connection[]> {
  return new Promise((resolve, reject) => {
    const connections: Connection[] = [];
    let answered = 0;
    // Few at once: what a burst of requests takes is not what idle connections take.
    const next = (): void => {
      if (connections.length === count) {
        if (answered === count) resolve(connections);
        return;
      }
      const connection = new Connection(port, sender, {
        answered() {
          answered += 1;
          next();
        },
        broke(_, reason) {
          reject(new Error(reason));
        },
      });
      connections.push(connection);
      connection.ask();
    };
    for (let started = 0; started < Math.min(AT_ONCE, count); started += 1) next();
  });
}
