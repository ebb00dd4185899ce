import { constants } from "node:os";

import { type ErrorCode, TrailsumError } from "@trailsum/shared";

import { hasTerminal } from "./controlling-terminal.ts";
import { visibleText } from "../terminal/visible-text.ts";

/** The run of one command in this process. */
export interface Run {
  /**
   * Aborted by the first SIGINT, SIGTERM or SIGHUP (the terminal was closed). A second one ends the process. For a command
   * that reloads, SIGHUP is an interrupt only if the terminal was closed.
   */
  readonly signal: AbortSignal;
  /** Calls `reload` for each SIGHUP from now on that does not say that the terminal was closed. */
  onReload(reload: () => void): void;
  /** Does what such a SIGHUP does. */
  reload(): void;
  /** Reports an error as a sentence on stderr and remembers its exit status; the first one counts. */
  report(error: unknown): void;
  /** Aborts `signal`, as an interrupt would. A signal that comes after it still counts as the first. */
  stop(): void;
  /** Ends with this exit status, for a reason that was reported elsewhere. */
  fail(status: number): void;
  /** Reports something that changes nothing about the exit status, as a sentence on stderr. */
  warn(sentence: string): void;
  /**
   * Writes a result, on stdout by default. Resolves when the output has taken it, or when the run is interrupted, so that
   * results never pile up in memory. A result that cannot be written is an error, except when the reader has closed the pipe.
   */
  print(result: string | Uint8Array, output?: NodeJS.WritableStream): Promise<void>;
}

const INTERRUPTS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
type Interrupt = (typeof INTERRUPTS)[number];

/** How long an interrupted process waits for an output that is not being read. Milliseconds. */
const LAST_WORDS = 500;

/**
 * Runs a command and sets the exit status of the process: that of the first error reported or thrown, or
 * 128 and the number of the signal for one that was interrupted and did not succeed all the same, or 0.
 */
export async function runCommand(command: (run: Run) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  let exit: number | undefined;
  let interruptedBy: Interrupt | undefined;
  let unprintable = false;
  const reloads: (() => void)[] = [];
  let hadTerminal = false;
  const reload = (): void => {
    for (const each of reloads) each();
  };
  const interrupt = (signal: Interrupt): void => {
    if (signal === "SIGHUP" && reloads.length > 0 && (!hadTerminal || hasTerminal())) return reload();
    if (interruptedBy !== undefined) {
      // Exiting waits for threads, and one may be blocked in a system call: a third signal has its default effect.
      for (const other of INTERRUPTS) process.off(other, interrupt);
      process.exit(128 + constants.signals[signal]);
    }
    interruptedBy = signal;
    controller.abort();
  };
  const interruptedStatus = (): number => 128 + constants.signals[interruptedBy ?? "SIGINT"];
  const run: Run = {
    signal: controller.signal,
    onReload(listener) {
      hadTerminal = hasTerminal();
      reloads.push(listener);
    },
    reload,
    report(error) {
      const failure = TrailsumError.from(error);
      exit ??= failure.code === "ABORTED" ? interruptedStatus() : failure.meaning.exit;
      process.stderr.write(`trailsum: ${sentence(failure)}\n`);
    },
    stop() {
      controller.abort();
    },
    fail(status) {
      exit ??= status;
    },
    warn(text) {
      process.stderr.write(`trailsum: ${visibleText(text)}\n`);
    },
    print(result, output = process.stdout) {
      return new Promise((resolve) => {
        const interrupted = (): void => {
          exit ??= interruptedStatus();
          resolve();
        };
        output.write(result, (error) => {
          controller.signal.removeEventListener("abort", interrupted);
          if (error && !isReaderGone(error) && !unprintable) {
            unprintable = true;
            run.report(new TrailsumError("FILE_UNWRITABLE", `cannot write the results: ${error.message}`));
          }
          resolve();
        });
        if (controller.signal.aborted) interrupted();
        else controller.signal.addEventListener("abort", interrupted, { once: true });
      });
    },
  };
  for (const signal of INTERRUPTS) process.on(signal, interrupt);
  try {
    await command(run);
  } catch (error) {
    run.report(error);
  } finally {
    for (const signal of INTERRUPTS) process.off(signal, interrupt);
  }
  // What failed because of the interrupt, or before it, matters less than that the command was not left to finish.
  const endedEarly = interruptedBy !== undefined && exit !== undefined;
  process.exitCode = endedEarly ? interruptedStatus() : (exit ?? 0);
  if (controller.signal.aborted) setTimeout(() => process.exit(), LAST_WORDS).unref();
}

const BUG: ErrorCode = "INTERNAL";

/** A bug shows where it is; everything else says what to do. */
function sentence(error: TrailsumError): string {
  if (error.code !== BUG) return visibleText(error.message);
  const { cause } = error;
  return `unexpected error, please report it: ${cause instanceof Error ? (cause.stack ?? cause.message) : error.message}`;
}

/** A pipe whose reader has seen enough, as in `| head`. */
function isReaderGone(error: Error): boolean {
  return "code" in error && error.code === "EPIPE";
}
