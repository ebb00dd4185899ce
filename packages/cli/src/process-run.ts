import { constants } from "node:os";

import { type ErrorCode, TrailsumError } from "@trailsum/shared";

/** The run of one command in this process. */
export interface Run {
  /** Aborted by the first SIGINT or SIGTERM. A second one ends the process. */
  readonly signal: AbortSignal;
  /** Reports an error as a sentence on stderr and remembers its exit status; the first one counts. */
  report(error: unknown): void;
}

/**
 * Runs a command to its end and sets the exit status of the process: that of the first error reported or thrown, or
 * 128 and the number of the signal for one that was interrupted, or 0.
 */
export async function runCommand(command: (run: Run) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  let exit: number | undefined;
  let interruptedBy: "SIGINT" | "SIGTERM" | undefined;
  const interrupt = (signal: "SIGINT" | "SIGTERM"): void => {
    if (interruptedBy !== undefined) process.exit(128 + constants.signals[signal]);
    interruptedBy = signal;
    controller.abort();
  };
  const run: Run = {
    signal: controller.signal,
    report(error) {
      const failure = TrailsumError.from(error);
      exit ??=
        failure.code === "ABORTED" && interruptedBy ? 128 + constants.signals[interruptedBy] : failure.meaning.exit;
      process.stderr.write(`trailsum: ${sentence(failure)}\n`);
    },
  };
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  try {
    await command(run);
  } catch (error) {
    run.report(error);
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  }
  process.exitCode = exit ?? 0;
}

const BUG: ErrorCode = "INTERNAL";

/** A bug shows where it is; everything else says what to do. */
function sentence(error: TrailsumError): string {
  if (error.code !== BUG) return error.message;
  const { cause } = error;
  return `unexpected error, please report it: ${cause instanceof Error ? (cause.stack ?? cause.message) : error.message}`;
}
