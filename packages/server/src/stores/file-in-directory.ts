import type { FileHandle } from "node:fs/promises";
import type { Readable } from "node:stream";

import type { Digests } from "@trailsum/shared";

import type { ReadOptions, StoredObject } from "./store.ts";

/** An open file of a directory store. */
export class FileInDirectory implements StoredObject {
  readonly size: number;
  readonly digests: Digests | undefined;
  readonly modified: Date;
  readonly #file: FileHandle;
  #reading = false;

  constructor(file: FileHandle, size: number, digests: Digests | undefined, modified: Date) {
    this.#file = file;
    this.size = size;
    this.digests = digests;
    this.modified = modified;
  }

  createReadStream({ chunkSize }: ReadOptions = {}): Readable {
    this.#reading = true;
    return fileStream(this.#file, this.size, { autoClose: true, chunkSize });
  }

  async close(): Promise<void> {
    if (!this.#reading) await this.#file.close().catch(() => {});
  }
}

/** The first `size` bytes of an open file, and not what is added to it meanwhile. */
export function fileStream(
  file: FileHandle,
  size: number,
  { autoClose, chunkSize = 256 * 1024 }: ReadOptions & { readonly autoClose: boolean },
): Readable {
  return file.createReadStream({ start: 0, end: Math.max(0, size - 1), autoClose, highWaterMark: chunkSize });
}
