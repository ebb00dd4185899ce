import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

import { fileErrorCode } from "./file-error.ts";
import { LARGE_BLOCK } from "./write-blocks.ts";

/**
 * A file that is written without the page cache (open(2), `O_DIRECT`). Content that must be on the disk before it counts
 * gains nothing from a copy in memory, and making that copy can cost as much as hashing.
 */
export class DirectFile {
  readonly #file: FileHandle;
  #refused = false;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Opens a file that is open already a second time, whatever its name is now; undefined if that is not supported. */
  static async open({ fd }: FileHandle): Promise<DirectFile | undefined> {
    const { O_WRONLY, O_DIRECT } = constants;
    // Only Linux has the flag, and not all of its file systems take it.
    if (O_DIRECT === undefined) return undefined;
    try {
      // oxlint-disable-next-line no-bitwise -- flags are bits
      return new DirectFile(await open(`/proc/self/fd/${fd}`, O_WRONLY | O_DIRECT));
    } catch {
      return undefined;
    }
  }

  /**
   * Writes a whole large block, to a position that is a multiple of its size. Returns the bytes written; 0 if the file
   * system rejects `O_DIRECT` writes after all.
   */
  async write(block: Buffer, position: number): Promise<number> {
    if (this.#refused) return 0;
    try {
      const { bytesWritten } = await this.#file.write(block, 0, LARGE_BLOCK, position);
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
