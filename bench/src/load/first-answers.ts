import type { Lane } from "./lane.ts";
import type { Judge } from "./senders.ts";

/** A listener lets no more than so many wait, and many accept one at a time, each between two rounds of their work. */
const AT_ONCE = 16;

/** Asks once on every lane, so that all are connected. Rejects when one is not answered well. */
export function firstAnswers(lanes: readonly Lane[], judge: Judge): Promise<void> {
  return new Promise((resolve, reject) => {
    let asked = 0;
    let answered = 0;
    const next = (): void => {
      const lane = lanes[asked];
      if (lane === undefined) {
        if (answered === lanes.length) resolve();
        return;
      }
      asked += 1;
      lane.events = {
        answered(answer) {
          answered += 1;
          if (judge(answer) === undefined) reject(new Error(answer.head.slice(0, answer.head.indexOf("\r\n"))));
          else next();
        },
        broke: (reason) => reject(new Error(reason)),
      };
      lane.ask();
    };
    for (let started = 0; started < Math.min(AT_ONCE, lanes.length); started += 1) next();
  });
}
