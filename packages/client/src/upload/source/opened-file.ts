import { type BigIntStats, closeSync, constants, fstatSync, open, read } from "node:fs";
import { Socket } from "node:net";
import type { Readable } from "node:stream";
import { isatty, ReadStream } from "node:tty";

/**
 * Opening a named pipe for reading waits for a writer, in one of the few threads that Node has for that, and a process
 * does not even end while one of them waits. With this flag it is opened at once.
 */
// oxlint-disable-next-line no-bitwise -- flags are bits
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * A file that is open for reading. What the system may have to wait for, opening it and reading, is done on another
 * thread; its `fstat` is called synchronously. `FileHandle` does everything on another thread, and of a
 * small file's upload that took most of the time.
 */
export class OpenedFile {
  readonly #descriptor: number;
  #reading: Promise<unknown> | undefined;
  #isOwned = true;

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** Rejects with Node's own error where it cannot be opened. */
  static open(path: string | Buffer): Promise<OpenedFile> {
    return new Promise((resolve, reject) => {
      open(path, OPEN_FLAGS, (error, descriptor) =>
        error === null ? resolve(new OpenedFile(descriptor)) : reject(error),
      );
    });
  }

  /** What it is, how large, and when it was last written to and changed. */
  stat(): BigIntStats {
    return fstatSync(this.#descriptor, { bigint: true });
  }

  /**
   * A stream of what comes through, where it is a named pipe or a terminal: there may be no content for as long as it
   * likes, and the stream can be destroyed while it waits. The file is the stream's then, which closes it.
   */
  stream(): Readable | undefined {
    const fd = this.#descriptor;
    if (!this.stat().isFIFO() && !isatty(fd)) return undefined;
    this.#isOwned = false;
    return isatty(fd) ? new ReadStream(fd) : new Socket({ fd, readable: true, writable: false });
  }

  /** Reads into a block, from a position or, without one, the next available bytes; returns their number. */
  read(block: Uint8Array, position: number | null): Promise<number> {
    const reading = new Promise<number>((resolve, reject) => {
      read(this.#descriptor, block, 0, block.byteLength, position, (error, bytes) =>
        error === null ? resolve(bytes) : reject(error),
      );
    });
    this.#reading = reading;
    return reading;
  }

  /** Closes the file after pending reads have finished: until then its descriptor must not be reused. */
  async close(): Promise<void> {
    if (!this.#isOwned) return;
    await this.#reading?.catch(() => {});
    try {
      closeSync(this.#descriptor);
    } catch {
      // It was only read: there is nothing that could be lost.
    }
  }
}
