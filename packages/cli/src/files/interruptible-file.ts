import { closeSync, constants, fstatSync, open, readFile } from "node:fs";
import { Socket } from "node:net";
import { addAbortSignal } from "node:stream";
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";

import { TrailsumError } from "@trailsum/shared";

/** Reads a whole file that a flag names, as {@link readInterruptibly} does. Rejects with `FILE_UNREADABLE`, or `ABORTED`. */
export async function readNamedFile(path: string, signal: AbortSignal): Promise<Buffer> {
  try {
    return await readInterruptibly(path, signal);
  } catch (cause) {
    if (cause instanceof TrailsumError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TrailsumError("FILE_UNREADABLE", `cannot read ${path}: ${reason}`, { cause });
  }
}

/**
 * Reads a whole file that may be a named pipe (`<(command)` in a shell). Opening a pipe waits for its writer, on a thread
 * that no signal ends; it is opened without blocking and read as a stream instead. Rejects with `ABORTED` when `signal`
 * fires, and with Node's own error if the file cannot be read.
 */
async function readInterruptibly(path: string, signal: AbortSignal): Promise<Buffer> {
  try {
    // oxlint-disable-next-line no-bitwise -- flags are bits
    const fd = await promisify(open)(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0), 0);
    if (fstatSync(fd).isFIFO())
      return await buffer(addAbortSignal(signal, new Socket({ fd, readable: true, writable: false })));
    return await promisify(readFile)(fd).finally(() => closeSync(fd));
  } catch (cause) {
    if (signal.aborted) throw new TrailsumError("ABORTED", `cancelled while waiting for ${path}`, { cause });
    throw cause;
  }
}
