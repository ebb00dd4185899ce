import { Count } from "./count.ts";
import { firstAnswers } from "./first-answers.ts";
import type { Lane } from "./lane.ts";
import type { ClosedLoop, LoadOutcome } from "./load.ts";
import type { Judge } from "./senders.ts";

/** Each lane asks again as soon as it is answered: as much as the subject can do. */
export async function closedLoop(task: ClosedLoop, lanes: readonly Lane[], judge: Judge): Promise<LoadOutcome> {
  const { pid, warm, seconds, times } = task;
  const count = new Count(pid, judge);
  // What is counted by number is counted from the first.
  if (times === undefined) await firstAnswers(lanes, judge);
  await new Promise<void>((resolve) => {
    let open = lanes.length;
    let over = false;
    const finish = (): void => {
      if (over) return;
      over = true;
      count.end();
    };
    const leave = (lane: Lane): void => {
      lane.close();
      open -= 1;
      if (open > 0) return;
      finish();
      resolve();
    };
    const begin = (): void => {
      count.begin();
      if (times === undefined) setTimeout(finish, seconds * 1000);
    };
    // Warm is also what has made its own lanes, as many as it needs now that all ask at once.
    let cold = lanes.length * 2;
    let due = false;
    if (times === undefined) {
      setTimeout(() => {
        due = true;
      }, warm * 1000);
    } else begin();
    for (const lane of lanes) {
      lane.events = {
        answered(answer) {
          count.answer(answer);
          cold -= 1;
          if (due && cold <= 0) {
            due = false;
            begin();
          }
          if (times !== undefined && count.requests >= times) finish();
          if (over) leave(lane);
          else lane.ask();
        },
        broke(reason) {
          // What always fails would do so without end.
          if (count.fail(reason) > lanes.length || over) leave(lane);
          else lane.ask();
        },
      };
      lane.ask();
    }
  });
  return count.outcome();
}
