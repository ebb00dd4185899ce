import { constants, fstatSync, openSync, writeSync } from "node:fs";
import { isatty } from "node:tty";

/**
 * Where the log of a process goes. Writing to it never throws and never waits, in any state of the terminal, pipe
 * or disk: what cannot be written yet is kept, up to a limit, and lines beyond that are dropped and counted. When the
 * log recovers, it says how many.
 */
export interface LogOutput {
  /** Writes whole lines. */
  write(lines: string): void;
  /** Writes to this file from now on, what still waits included, and no more to the one before. */
  redirect(stream: { readonly fd: number }): void;
}

/** How much may wait to be written. Bytes. */
const MAX_WAITING = 1_048_576;

/** A full pipe is tried again after this, and after twice as long each time, until `MAX_DELAY`. Milliseconds. */
const MIN_DELAY = 1;
const MAX_DELAY = 100;

/** A failing output (no reader, no space) is tried again after this. Milliseconds. */
const FAILURE_DELAY = 1_000;

/** The write function, that of `node:fs` by default. Tests replace it. */
export type WriteSync = (descriptor: number, bytes: Uint8Array) => number;

/** How a log output is written. */
export interface LogOutputOptions {
  /** Writes to a descriptor. Default: what Node has. */
  readonly write?: WriteSync | undefined;
  /** The line that reports so many dropped lines. Default: a sentence. */
  readonly dropped?: ((lines: number) => string) | undefined;
}

/** The log output on a standard stream: `process.stderr`, as a rule. */
export function createLogOutput(
  stream: { readonly fd: number },
  { write = writeSync, dropped: droppedLine = droppedSentence }: LogOutputOptions = {},
): LogOutput {
  let descriptor = nonBlocking(stream.fd);
  const waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let dropped = 0;
  let delay = MIN_DELAY;
  let timer: NodeJS.Timeout | undefined;

  const enqueue = (bytes: Uint8Array): void => {
    waiting.push(bytes);
    waitingBytes += bytes.byteLength;
  };

  /** Writes until nothing is left or the output takes no more. */
  const drain = (): void => {
    timer = undefined;
    try {
      for (let [next] = waiting; next !== undefined; [next] = waiting) {
        const written = write(descriptor, next);
        waitingBytes -= written;
        // A full disk may accept only a part: the rest follows when there is room, so that no line is cut.
        if (written < next.byteLength) waiting[0] = next.subarray(written);
        else waiting.shift();
        if (waiting.length === 0 && dropped > 0) {
          enqueue(Buffer.from(droppedLine(dropped)));
          dropped = 0;
        }
      }
      delay = MIN_DELAY;
    } catch (error) {
      if (isFull(error)) {
        timer = setTimeout(drain, delay);
        delay = Math.min(delay * 2, MAX_DELAY);
      } else {
        // Waiting for this does not keep the process alive: it may never pass.
        timer = setTimeout(drain, FAILURE_DELAY).unref();
      }
    }
  };

  return {
    write(lines) {
      const bytes = Buffer.from(lines);
      // Once a line is dropped, all are dropped until the queue is empty, so the report is where they are missing.
      if (dropped > 0 || waitingBytes + bytes.byteLength > MAX_WAITING) dropped += lines.split("\n").length - 1;
      else enqueue(bytes);
      if (timer === undefined) drain();
    },
    redirect(to) {
      descriptor = to.fd;
      clearTimeout(timer);
      drain();
    },
  };
}

function droppedSentence(lines: number): string {
  return `trailsum: ${lines} lines of the log were dropped: it could not be written\n`;
}

function isFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EAGAIN";
}

/**
 * A descriptor for the same output on which a write never waits. Node sets terminals to blocking, and one that is stopped
 * with Ctrl-S would stop the process; pipes it sets to non-blocking, but every process that shares one sets it back
 * when it ends. So both are opened again, where the system can do that. Sockets cannot be, and files need not be.
 */
function nonBlocking(descriptor: number): number {
  try {
    const kind = fstatSync(descriptor);
    if (!kind.isFIFO() && !isatty(descriptor)) return descriptor;
    // oxlint-disable-next-line no-bitwise -- flags are bits
    const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
    return openSync(`/proc/self/fd/${descriptor}`, flags);
  } catch {
    return descriptor;
  }
}
