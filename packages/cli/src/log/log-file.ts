import { closeSync, constants, openSync } from "node:fs";

import { TrailsumError } from "@trailsum/shared";

/** A log file that can be opened again under its name after another program has renamed it, as logrotate does. */
export interface LogFile {
  /** The descriptor that is written to. */
  readonly fd: number;
  /**
   * Opens the file of that name, hands it to `use`, and closes the one before. Throws `FILE_UNWRITABLE` if it cannot be opened; the one
   * before stays open then.
   */
  reopen(use: (file: { readonly fd: number }) => void): void;
}

/** Others than the owner and the group need not read who asked for what. */
const MODE = 0o640;

/** Opens a log file for appending, and creates it if it does not exist. Throws `FILE_UNWRITABLE`. */
export function openLogFile(path: string): LogFile {
  let fd = open(path);
  return {
    get fd() {
      return fd;
    },
    reopen(use) {
      const [before, after] = [fd, open(path)];
      fd = after;
      use({ fd });
      closeSync(before);
    },
  };
}

function open(path: string): number {
  try {
    // Not blocking: opening a named pipe would wait for a reader.
    // oxlint-disable-next-line no-bitwise -- flags are bits
    return openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK, MODE);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TrailsumError("FILE_UNWRITABLE", `cannot write the log to ${path}: ${reason}`, { cause });
  }
}
