import { TrailerAgent } from "../dispatcher/trailer-agent.ts";

let agent: TrailerAgent | undefined;

/** The dispatcher of callers that pass none: one for the process, whose idle connections keep nothing alive. */
export function defaultDispatcher(): TrailerAgent {
  agent ??= new TrailerAgent();
  return agent;
}
