import { closeSync, constants, openSync } from "node:fs";

/** Whether this process belongs to a terminal. A session whose terminal was closed has none any more. */
export function hasTerminal(): boolean {
  try {
    // oxlint-disable-next-line no-bitwise -- flags are bits
    closeSync(openSync("/dev/tty", constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY));
    return true;
  } catch {
    return false;
  }
}
