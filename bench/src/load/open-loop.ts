import { Count } from "./count.ts";
import { firstAnswers } from "./first-answers.ts";
import type { Lane } from "./lane.ts";
import type { LoadOutcome, OpenLoop } from "./load.ts";
import type { Judge } from "./senders.ts";

/**
 * Requests at a fixed rate, whether or not the earlier ones have been answered. What counts is how long after it was due each was
 * answered: one that had to wait for a lane, because others were slow, was slow itself.
 */
export async function openLoop(task: OpenLoop, lanes: readonly Lane[], judge: Judge): Promise<LoadOutcome> {
  const { pid, rate, warm, seconds, times } = task;
  const count = new Count(pid, judge);
  await firstAnswers(lanes, judge);
  const uncounted = times === undefined ? warm * rate : 0;
  const all = times ?? (warm + seconds) * rate;
  const free = [...lanes];
  const waiting: number[] = [];
  const began = performance.now();
  const dueAt = (request: number): number => began + (request / rate) * 1000;
  let sent = 0;
  let answered = 0;
  const ask = (lane: Lane, due: number): void => {
    lane.due = due;
    lane.ask();
  };
  const next = (lane: Lane): void => {
    answered += 1;
    const due = waiting.shift();
    if (due === undefined) free.push(lane);
    else ask(lane, due);
  };
  for (const lane of lanes) {
    lane.events = {
      answered(answer) {
        if (lane.due >= dueAt(uncounted)) count.latency((performance.now() - lane.due) / 1000);
        count.answer(answer);
        next(lane);
      },
      broke(reason) {
        count.fail(reason);
        next(lane);
      },
    };
  }
  setTimeout(() => count.begin(), (uncounted / rate) * 1000);
  await new Promise<void>((resolve) => {
    // It never sleeps: timers are too coarse, and what is late here would look late there.
    const go = (): void => {
      for (; sent < all && dueAt(sent) <= performance.now(); sent += 1) {
        const lane = free.pop();
        if (lane === undefined) waiting.push(dueAt(sent));
        else ask(lane, dueAt(sent));
      }
      if (answered < all) setImmediate(go);
      else resolve();
    };
    go();
  });
  count.end();
  for (const lane of lanes) lane.close();
  return count.outcome();
}
