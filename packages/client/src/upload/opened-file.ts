import { type BigIntStats, closeSync, fstatSync, open, read } from "node:fs";

/**
 * A file that is open for reading. What the system may have to wait for, opening it and reading, is done on another
 * thread; what it knows of an open file is asked here and now. `FileHandle` does all of it on another thread, and of a
 * small file's upload that took most of the time.
 */
export class OpenedFile {
  readonly #descriptor: number;
  #reading: Promise<unknown> | undefined;

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** Rejects with Node's own error where it cannot be opened. */
  static open(path: string | Buffer): Promise<OpenedFile> {
    return new Promise((resolve, reject) => {
      open(path, "r", (error, descriptor) => (error === null ? resolve(new OpenedFile(descriptor)) : reject(error)));
    });
  }

  /** What it is, how large, and when it was last written to. */
  stat(): BigIntStats {
    return fstatSync(this.#descriptor, { bigint: true });
  }

  /** Reads into a block, from a position or, without one, whatever comes next; gives how many bytes there were. */
  read(block: Uint8Array, position: number | null): Promise<number> {
    const reading = new Promise<number>((resolve, reject) => {
      read(this.#descriptor, block, 0, block.byteLength, position, (error, bytes) =>
        error === null ? resolve(bytes) : reject(error),
      );
    });
    this.#reading = reading;
    return reading;
  }

  /** Lets go of it, once what is being read has landed: until then its number must not become another file's. */
  async close(): Promise<void> {
    await this.#reading?.catch(() => {});
    try {
      closeSync(this.#descriptor);
    } catch {
      // It was only read: there is nothing that could be lost.
    }
  }
}
