import type { FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";

import type { Digests, FieldLine } from "@trailsum/shared";

import type { RecordedVersion } from "./digest-records.ts";
import type { ReadOptions, StoredObject } from "../store.ts";

/** What is known of an open file. */
interface FileVersion {
  readonly size: number;
  readonly modified: Date;
  readonly recorded: RecordedVersion | undefined;
}

/** An open file of a directory store. */
export class FileInDirectory implements StoredObject {
  readonly size: number;
  readonly digests: Digests | undefined;
  readonly fields: readonly FieldLine[];
  readonly modified: Date;
  readonly verified: Date | undefined;
  readonly #file: FileHandle;
  #reading = false;

  constructor(file: FileHandle, { size, modified, recorded }: FileVersion) {
    this.#file = file;
    this.size = size;
    this.digests = recorded?.digests;
    this.fields = recorded?.fields ?? [];
    this.modified = modified;
    this.verified = recorded?.verified;
  }

  createReadStream({ start = 0, end = this.size, autoClose = true, chunkSize }: ReadOptions = {}): Readable {
    this.#reading ||= autoClose;
    return fileStream(this.#file, { start, end, autoClose, chunkSize });
  }

  async close(): Promise<void> {
    if (!this.#reading) await this.#file.close().catch(() => {});
  }
}

interface FileStreamOptions extends ReadOptions {
  readonly start: number;
  readonly end: number;
  readonly autoClose: boolean;
}

/** A part of an open file: up to `end`, and not what is added to it meanwhile. */
export function fileStream(
  file: FileHandle,
  { start, end, autoClose, chunkSize = 256 * 1024 }: FileStreamOptions,
): Readable {
  // Node's own stream cannot read nothing: its `end` is the last byte that is read.
  if (start === end) return emptyStream(async () => (autoClose ? file.close() : undefined));
  return file.createReadStream({ start, end: end - 1, autoClose, highWaterMark: chunkSize });
}

function emptyStream(close: () => Promise<void>): Readable {
  return new Readable({
    read() {
      this.push(null);
    },
    destroy(error, done) {
      close().then(() => done(error), done);
    },
  });
}
