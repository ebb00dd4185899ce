import { Connection } from "./connection.ts";
import type { Sender } from "./senders.ts";

/** A listener lets no more than so many wait, and many accept one at a time, each between two rounds of their work. */
const AT_ONCE = 16;

/** Makes so many connections and asks once on each. Rejects when one cannot be had. */
export function openConnections(port: number, count: number, sender: Sender): Promise<Connection[]> {
  return new Promise((resolve, reject) => {
    const connections: Connection[] = [];
    let answered = 0;
    const next = (): void => {
      if (connections.length === count) {
        if (answered === count) resolve(connections);
        return;
      }
      const connection = new Connection(port, sender);
      connection.events = {
        answered(answer) {
          answered += 1;
          if (sender.judge(answer) === undefined) reject(new Error(answer.head.slice(0, answer.head.indexOf("\r\n"))));
          else next();
        },
        broke: (reason) => reject(new Error(reason)),
      };
      connections.push(connection);
      connection.ask();
    };
    for (let started = 0; started < Math.min(AT_ONCE, count); started += 1) next();
  });
}
