import { queueMicrotask, setImmediate } from "./event-loop.ts";

/** Called for what waits until the end of the turn. */
type Leave = () => void;

/** So many leave together; what waits longer would only wait. */
const MOST = 64;

let waiting: Leave[] = [];
let scheduled = false;

/**
 * Has `leave` called at the end of this turn of the event loop, when all that has arrived has been looked at, right after
 * those who asked before. Writes that follow each other at once cost less than the same ones now and then: whoever reads
 * them on another core is woken by the first and still awake for the others, and the way through the system stays warm.
 */
export function atTurnEnd(leave: Leave): void {
  if (waiting.length === MOST) leaveAll();
  waiting.push(leave);
  if (scheduled) return;
  scheduled = true;
  setImmediate(onTurnEnd);
}

function onTurnEnd(): void {
  scheduled = false;
  leaveAll();
}

function leaveAll(): void {
  const all = waiting;
  waiting = [];
  for (const leave of all) {
    try {
      leave();
    } catch (error) {
      // It is nobody else's: those behind it still leave.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
