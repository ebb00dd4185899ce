import { listMembers } from "@trailsum/shared";

/** What a request expects before its content is sent: nothing, a 100, or something that is not known here. */
export type Expectation = "nothing" | "continue" | "unknown";

/**
 * What the lines of `Expect`, combined, ask for: a list, of which only `100-continue` is defined (RFC 9110 section
 * 10.1.1). An empty one is not understood.
 */
export function expectationOf(value: string | undefined): Expectation {
  if (value === undefined) return "nothing";
  const members = listMembers(value.toLowerCase());
  return members.length > 0 && members.every((member) => member === "100-continue") ? "continue" : "unknown";
}
