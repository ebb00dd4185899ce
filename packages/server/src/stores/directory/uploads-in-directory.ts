import { constants } from "node:fs";
import { copyFile, lstat, open, opendir, readFile, rename, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";

import { fileErrorCode, takeLockFile, unlessAbsent } from "@trailsum/files";
import { TrailsumError } from "@trailsum/shared";

import { createWithin, fileError } from "./file-errors.ts";
import type { StagedFile } from "./staged-file.ts";
import { checkRoom, type StagingEntry } from "./staging-areas.ts";
import type { StoreFolders } from "./store-folders.ts";
import { type PublishUpload, type UploadFiles, UploadInDirectory, writeDescription } from "./upload-in-directory.ts";
import type { CreateUploadOptions, StoredUpload, UploadEntry, UploadStore, UploadTurn } from "../upload-store.ts";
import { UploadTurns } from "../upload-turns.ts";

/** The parts of a directory store that its uploads use. */
export interface UploadsInDirectoryOptions {
  readonly folders: StoreFolders;
  /** Throws if nothing may be stored under a path. */
  readonly checkPath: (path: string) => Promise<unknown>;
  readonly publish: PublishUpload;
}

const ID = /^[0-9a-f]{32}$/;
const DESCRIPTION = /^([0-9a-f]{32})\.json$/;
/** Files without a description may belong to an upload that is being created or removed. */
const SETTLED = 60 * 60 * 1000;

/** One request at a time for each upload, of whichever store of this process: two may serve one directory. */
const turns = new UploadTurns();

/** The uploads of a directory store, in a separate folder. */
export class UploadsInDirectory implements UploadStore {
  readonly #folders: StoreFolders;
  readonly #checkPath: UploadsInDirectoryOptions["checkPath"];
  readonly #publish: PublishUpload;

  constructor({ folders, checkPath, publish }: UploadsInDirectoryOptions) {
    this.#folders = folders;
    this.#checkPath = checkPath;
    this.#publish = publish;
  }

  async create(id: string, description: string, { path, size }: CreateUploadOptions): Promise<StoredUpload> {
    const files = this.#files(id);
    try {
      await this.#checkPath(path);
      const make = (): Promise<void> => this.#folders.make();
      const file = await createWithin(make, () => open(files.content, "wx", 0o644));
      await file.close();
      try {
        if (size !== undefined) await checkRoom(files.folder, size);
        await writeDescription(files, description);
      } catch (error) {
        await rm(files.content, { force: true });
        throw error;
      }
      return await this.#upload(id, description);
    } catch (error) {
      throw fileError(error, "FILE_UNWRITABLE");
    }
  }

  /** Makes an upload of a staged file that is complete. The entry does not exist any more after that. */
  async adopt(id: string, description: string, content: StagedFile, entry: StagingEntry): Promise<StoredUpload> {
    const files = this.#files(id);
    await content.sync();
    await content.settle();
    await entry.settle();
    await this.#folders.make();
    await moveFile(entry.path, files.content);
    await writeDescription(files, description);
    return this.#upload(id, description);
  }

  async open(id: string): Promise<StoredUpload | undefined> {
    if (!ID.test(id)) return undefined;
    try {
      const description = await unlessAbsent(readFile(this.#files(id).description, "utf8"));
      return description === undefined ? undefined : await this.#upload(id, description);
    } catch (error) {
      throw fileError(error, "FILE_UNREADABLE");
    }
  }

  async *entries(): AsyncIterable<UploadEntry> {
    for await (const name of this.#names()) {
      const id = DESCRIPTION.exec(name)?.[1];
      if (id === undefined) continue;
      const files = this.#files(id);
      const described = await unlessAbsent(stat(files.description));
      const description = await unlessAbsent(readFile(files.description, "utf8"));
      const content = await unlessAbsent(stat(files.content));
      if (described === undefined || description === undefined) continue;
      const modified = new Date(Math.max(described.mtimeMs, content?.mtimeMs ?? 0));
      yield { id, description, size: content?.size ?? 0, modified };
    }
  }

  async take(id: string, onWanted: () => void): Promise<UploadTurn> {
    const end = await turns.take(join(this.#folders.uploads, id), onWanted);
    try {
      const path = `${this.#files(id).content}.lock`;
      const lock = await createWithin(
        () => this.#folders.make(),
        () => takeLockFile(path, { onWanted }),
      );
      return { release: () => lock.release().then(end, end) };
    } catch (error) {
      end();
      if (fileErrorCode(error) !== "ETIMEDOUT") throw fileError(error, "FILE_UNWRITABLE");
      throw new TrailsumError("UNAVAILABLE", "another request uses this upload: try again", { cause: error });
    }
  }

  async free(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#folders.uploads);
    return bavail > 0 ? bavail * bsize : Number.POSITIVE_INFINITY;
  }

  /** The inodes of the content, in decimal. */
  async inodes(): Promise<Set<string>> {
    const found = new Set<string>();
    for await (const name of this.#names()) {
      const stats = await unlessAbsent(lstat(join(this.#folders.uploads, name), { bigint: true }));
      if (stats !== undefined) found.add(String(stats.ino));
    }
    return found;
  }

  /** Removes what a crash left of uploads that were being created or removed. */
  async sweep(): Promise<void> {
    for await (const name of this.#names()) {
      const path = join(this.#folders.uploads, name);
      const [id = ""] = name.split(".");
      const stats = await unlessAbsent(lstat(path));
      if (stats === undefined || Date.now() - stats.mtimeMs < SETTLED) continue;
      if ((await unlessAbsent(lstat(this.#files(id).description))) === undefined) await rm(path, { force: true });
    }
  }

  async *#names(): AsyncGenerator<string> {
    const folder = await unlessAbsent(opendir(this.#folders.uploads));
    for await (const { name } of folder ?? []) yield name;
  }

  #files(id: string): UploadFiles {
    const folder = this.#folders.uploads;
    return { folder, content: join(folder, id), description: join(folder, `${id}.json`) };
  }

  #upload(id: string, description: string): Promise<StoredUpload> {
    return UploadInDirectory.open(id, description, this.#files(id), this.#publish);
  }
}

/** Moves a file, to another file system if need be. The copy is durable before the original is removed. */
async function moveFile(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
    return;
  } catch (error) {
    if (fileErrorCode(error) !== "EXDEV") throw error;
  }
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  const copy = await open(to, "r+");
  await copy.sync().finally(() => copy.close());
  await rm(from, { force: true });
}
