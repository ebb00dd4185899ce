import { rm } from "node:fs/promises";

import { type Digests, type FieldLine, TrailsumError } from "@trailsum/shared";

import type { FileIdentity, RecordedVersion } from "./digest-records.ts";
import { fileError } from "./file-errors.ts";
import { StagedFile } from "./staged-file.ts";
import type { StagingEntry } from "./staging-areas.ts";
import type { StoredUpload } from "../upload-store.ts";
import type { UploadsInDirectory } from "./uploads-in-directory.ts";
import type { CommitCondition, CommitOptions, Committed, StagedObject } from "../store.ts";

/** A staged file that is complete and on the disk, and what has to hold for it to be published. */
export interface NewVersion {
  readonly entry: StagingEntry;
  readonly identity: FileIdentity;
  readonly recorded: RecordedVersion;
  readonly condition: CommitCondition | undefined;
}

/** The outcomes of a staged object. */
export interface StagedInDirectoryOptions {
  readonly fields: readonly FieldLine[];
  /** Where it goes if it is kept. */
  readonly uploads: UploadsInDirectory;
  /** Makes a version visible. The entry does not exist any more after that. */
  readonly publish: (version: NewVersion) => Promise<Committed>;
}

/** An object that is being received into a directory store. */
export class StagedInDirectory implements StagedObject {
  readonly content: StagedFile;
  readonly #entry: StagingEntry;
  readonly #fields: readonly FieldLine[];
  readonly #publish: (version: NewVersion) => Promise<Committed>;
  readonly #uploads: UploadsInDirectory;
  #state: "staged" | "moved" | "discarded" = "staged";

  constructor(entry: StagingEntry, { fields, uploads, publish }: StagedInDirectoryOptions) {
    this.#entry = entry;
    this.#fields = fields;
    this.#uploads = uploads;
    this.#publish = publish;
    this.content = new StagedFile(entry.file);
  }

  async commit(digests: Digests, { condition, verified = true }: CommitOptions = {}): Promise<Committed> {
    if (this.#state !== "staged")
      throw new TrailsumError("INTERNAL", "the staged object was committed or discarded before");
    try {
      await this.content.sync();
      await this.#entry.settle();
      const identity = await this.#entry.file.stat({ bigint: true });
      if (Number(identity.size) !== digests.size) {
        throw new TrailsumError("INTERNAL", "the staged file does not have the size that was received");
      }
      const recorded = { digests, fields: this.#fields, verified: verified ? new Date() : undefined };
      const committed = await this.#publish({ entry: this.#entry, identity, recorded, condition });
      this.#state = "moved";
      return committed;
    } catch (error) {
      throw fileError(error, "FILE_UNWRITABLE");
    } finally {
      await this.discard();
    }
  }

  async keep(id: string, description: string): Promise<StoredUpload> {
    if (this.#state !== "staged")
      throw new TrailsumError("INTERNAL", "the staged object was committed or discarded before");
    try {
      const upload = await this.#uploads.adopt(id, description, this.content, this.#entry);
      this.#state = "moved";
      return upload;
    } catch (error) {
      throw fileError(error, "FILE_UNWRITABLE");
    } finally {
      await this.discard();
    }
  }

  async discard(): Promise<void> {
    if (this.#state === "discarded") return;
    const moved = this.#state === "moved";
    this.#state = "discarded";
    this.content.destroy();
    await this.content.settle();
    await this.#entry.settle();
    await this.#entry.file.close().catch(() => {});
    // Nothing has this name any more then. What cannot be removed now is removed when a store is next created.
    if (!moved) await rm(this.#entry.path, { force: true }).catch(() => {});
    await this.#entry.release();
  }
}
