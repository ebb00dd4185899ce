import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

import { fileErrorCode } from "@trailsum/files";

/** What is written past the system's memory goes in blocks of this many bytes, to multiples of it. */
export const DIRECT_BLOCK: number = 1024 * 1024;

/**
 * A file that is written to past the system's memory (open(2), `O_DIRECT`): the disk takes the bytes from where they
 * are. Content that has to be on the disk before anybody hears of it gains nothing from a copy in memory, and making it
 * can cost as much as hashing.
 */
export class DirectFile {
  readonly #file: FileHandle;
  // The disk wants whole pages of memory. An array that could grow is mapped by itself, so it begins with one.
  readonly #block = Buffer.from(new ArrayBuffer(DIRECT_BLOCK, { maxByteLength: DIRECT_BLOCK }), 0, DIRECT_BLOCK);
  #refused = false;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Opens a file that is there already. Gives nothing where there is no such way to the disk. */
  static async open(path: string): Promise<DirectFile | undefined> {
    const { O_WRONLY, O_DIRECT } = constants;
    // Only Linux has the flag, and not all of its file systems take it.
    if (O_DIRECT === undefined) return undefined;
    try {
      // oxlint-disable-next-line no-bitwise -- flags are bits
      return new DirectFile(await open(path, O_WRONLY | O_DIRECT));
    } catch {
      return undefined;
    }
  }

  /** Writes the first block of these bytes. Gives how many went, which is none where the file system takes no such writes after all. */
  async write(chunks: readonly Buffer[], position: number): Promise<number> {
    if (this.#refused) return 0;
    let filled = 0;
    for (const chunk of chunks) filled += chunk.copy(this.#block, filled);
    try {
      const { bytesWritten } = await this.#file.write(this.#block, 0, DIRECT_BLOCK, position);
      return bytesWritten;
    } catch (error) {
      this.#refused = fileErrorCode(error) === "EINVAL";
      if (this.#refused) return 0;
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
