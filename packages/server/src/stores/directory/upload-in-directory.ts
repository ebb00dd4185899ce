import { open, rename, stat, truncate, unlink } from "node:fs/promises";
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";

import { syncDirectory, unlessAbsent } from "@trailsum/files";
import { TrailsumError } from "@trailsum/shared";

import { AppendedFile } from "./appended-file.ts";
import { fileError } from "./file-errors.ts";
import { checkKeptFields } from "../kept-fields.ts";
import type { NewVersion } from "./staged-in-directory.ts";
import type { Committed, ReadOptions } from "../store.ts";
import type { StoredUpload, UploadAppend, UploadCommitOptions } from "../upload-store.ts";

/** The files of one upload. */
export interface UploadFiles {
  /** The folder that they are in. */
  readonly folder: string;
  /** The content; it is moved away when it is published. */
  readonly content: string;
  /** The description: as long as it exists the upload does. */
  readonly description: string;
}

/** Makes a version visible at a path; its entry does not exist any more after that. */
export type PublishUpload = (path: string, version: NewVersion) => Promise<Committed>;

/** An upload of a directory store: two files, of which the description decides whether there is an upload. */
export class UploadInDirectory implements StoredUpload {
  readonly id: string;
  readonly #files: UploadFiles;
  readonly #publish: PublishUpload;
  size = 0;
  description: string;
  published = false;

  /** Reads how much content there is. */
  static async open(
    id: string,
    description: string,
    files: UploadFiles,
    publish: PublishUpload,
  ): Promise<UploadInDirectory> {
    const upload = new UploadInDirectory(id, description, files, publish);
    await upload.#measure();
    return upload;
  }

  private constructor(id: string, description: string, files: UploadFiles, publish: PublishUpload) {
    this.id = id;
    this.description = description;
    this.#files = files;
    this.#publish = publish;
  }

  async append(): Promise<UploadAppend> {
    try {
      return await AppendedFile.open(this.#files.content, this.size, () => this.#measure());
    } catch (error) {
      throw fileError(error, "FILE_UNWRITABLE");
    }
  }

  async describe(description: string): Promise<void> {
    try {
      await writeDescription(this.#files, description);
      this.description = description;
    } catch (error) {
      throw fileError(error, "FILE_UNWRITABLE");
    }
  }

  async truncate(size: number): Promise<void> {
    try {
      await truncate(this.#files.content, size);
      const file = await open(this.#files.content, "r+");
      await file.sync().finally(() => file.close());
      this.size = size;
    } catch (error) {
      throw fileError(error, "FILE_UNWRITABLE");
    }
  }

  read({ start = 0, end = this.size }: Omit<ReadOptions, "chunkSize"> = {}): Readable {
    if (end <= start) return Readable.from([]);
    return createReadStream(this.#files.content, { start, end: end - 1, highWaterMark: 256 * 1024 });
  }

  async commit(
    path: string,
    { digests, fields = [], condition, verified = true }: UploadCommitOptions,
  ): Promise<Committed> {
    checkKeptFields(fields);
    try {
      const file = await open(this.#files.content, "r+");
      try {
        const identity = await file.stat({ bigint: true });
        if (Number(identity.size) !== digests.size)
          throw new TrailsumError("INTERNAL", "the digests are those of content of another size");
        const entry = { path: this.#files.content, file, settle: async () => {}, release: async () => {} };
        const recorded = { digests, fields, verified: verified ? new Date() : undefined };
        const committed = await this.#publish(path, { entry, identity, recorded, condition });
        this.published = true;
        return committed;
      } finally {
        await file.close();
      }
    } catch (error) {
      throw fileError(error, "FILE_UNWRITABLE");
    }
  }

  async discard(): Promise<void> {
    try {
      await unlessAbsent(unlink(this.#files.description));
      await unlessAbsent(unlink(this.#files.content));
    } catch (error) {
      throw fileError(error, "FILE_UNWRITABLE");
    }
  }

  async #measure(): Promise<void> {
    const stats = await unlessAbsent(stat(this.#files.content));
    this.published = stats === undefined;
    this.size = stats?.size ?? 0;
  }
}

/** Replaces a description, durably and in one step. */
export async function writeDescription({ description: path, folder }: UploadFiles, text: string): Promise<void> {
  const next = `${path}.next`;
  const file = await open(next, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(next, path);
  await syncDirectory(folder);
}
