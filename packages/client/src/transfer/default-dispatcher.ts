import { TrailerAgent } from "../dispatcher/trailer-agent.ts";

let agent: TrailerAgent | undefined;

/** The dispatcher of whoever brings none: one for the process, whose idle connections keep nothing alive. */
export function defaultDispatcher(): TrailerAgent {
  agent ??= new TrailerAgent();
  return agent;
}
