import { closeSync, constants, open } from "node:fs";
import { Socket } from "node:net";
import type { Writable } from "node:stream";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";

/** How often it is looked whether a named pipe has a reader: the system has no event for that. Milliseconds. */
const INTERVAL = 50;

/**
 * A named pipe, opened for writing as soon as it has a reader. Waiting for one takes no thread, as opening the pipe
 * would: Node has few of them, and a process does not even end while one waits. Rejects when `signal` is aborted.
 */
export async function openNamedPipe(path: string, signal: AbortSignal | undefined): Promise<Writable> {
  for (;;) {
    try {
      // oxlint-disable-next-line no-bitwise -- flags are bits
      const fd = await promisify(open)(path, constants.O_WRONLY | constants.O_NONBLOCK, 0);
      if (signal?.aborted === true) {
        closeSync(fd);
        throw signal.reason;
      }
      return new Socket({ fd, readable: false, writable: true });
    } catch (error) {
      const hasNoReader = error instanceof Error && "code" in error && error.code === "ENXIO";
      if (!hasNoReader) throw error;
    }
    await setTimeout(INTERVAL, undefined, { signal });
  }
}
