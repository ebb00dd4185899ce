import { type FileHandle, open } from "node:fs/promises";

import { fileError } from "./file-errors.ts";
import { StagedFile } from "./staged-file.ts";
import type { UploadAppend } from "../upload-store.ts";

/** Takes content that is appended to a file. It closes the file, with what was written when it is destroyed. */
export class AppendedFile extends StagedFile implements UploadAppend {
  readonly #file: FileHandle;
  readonly #onClosed: () => Promise<void>;

  /** `onClosed` is awaited before the stream finishes or closes. */
  static async open(path: string, size: number, onClosed: () => Promise<void>): Promise<AppendedFile> {
    return new AppendedFile(await open(path, "r+"), size, onClosed);
  }

  private constructor(file: FileHandle, size: number, onClosed: () => Promise<void>) {
    super(file, { start: size, reportsProgress: true });
    this.#file = file;
    this.#onClosed = onClosed;
  }

  override _final(done: (error?: Error | null) => void): void {
    super._final((failure) => {
      if (failure) return done(failure);
      this.#finish().then(
        () => done(),
        (error: unknown) => done(fileError(error, "FILE_UNWRITABLE")),
      );
    });
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    super._destroy(error, (failure) => {
      const closed = this.#close();
      closed.then(
        () => done(failure),
        () => done(failure),
      );
    });
  }

  async #finish(): Promise<void> {
    await this.settle();
    await this.sync();
  }

  async #close(): Promise<void> {
    await this.settle();
    await this.#file.close();
    await this.#onClosed();
  }
}
