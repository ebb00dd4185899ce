import { expect } from "vitest";

import { SyntaxFault } from "../../src/http1/syntax-fault.ts";

/** The code of the fault that `read` throws. */
export function faultOf(read: () => unknown): string {
  let thrown: unknown;
  try {
    read();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(SyntaxFault);
  return (thrown as SyntaxFault).fault;
}
