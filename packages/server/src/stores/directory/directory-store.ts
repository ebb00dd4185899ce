import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, lstat, open, rename, rm, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";

import { fileErrorCode, holdLockFile, syncDirectory, unlessAbsent } from "@trailsum/files";
import { createDigester, type Digests, TrailsumError } from "@trailsum/shared";

import {
  createDigestRecords,
  type DigestRecords,
  type FileIdentity,
  type RecordedVersion,
  sameVersion,
} from "./digest-records.ts";
import { listDirectory } from "./directory-listing.ts";
import { type DirectoryRoot, openDirectoryRoot } from "./directory-root.ts";
import { fileError } from "./file-errors.ts";
import { FileInDirectory, fileStream } from "./file-in-directory.ts";
import { checkKeptFields } from "../kept-fields.ts";
import { makeDirectory, removeDirectory } from "./made-directories.ts";
import { PathLocks } from "../path-locks.ts";
import { type NewVersion, StagedInDirectory } from "./staged-in-directory.ts";
import { StagingAreas } from "./staging-areas.ts";
import { type StoreFolders, storeFolders } from "./store-folders.ts";
import { UploadsInDirectory } from "./uploads-in-directory.ts";
import type {
  CommitCondition,
  Committed,
  ListEntry,
  ListOptions,
  ObjectVersion,
  OpenOptions,
  StagedObject,
  StageOptions,
  Store,
  StoredObject,
} from "../store.ts";

/** Options of {@link createDirectoryStore}. */
export interface DirectoryStoreOptions {
  /** The directory to keep objects in. It must exist. */
  readonly directory: string;
  /**
   * Up to what size, in bytes, a file that came by other means is read once before it is first served, so that its
   * digests can be sent in the header. Larger ones are read when a request has a condition on their entity tag. Default 64 MiB.
   */
  readonly digestOnOpen?: number | undefined;
}

/**
 * A store that keeps objects as plain files under their own names in a directory, where other tools can see, add and
 * change them. Its own files are in the folder `.trailsum` there: what is being received, and the digests.
 *
 * A crash at any instant leaves the old object or the new one, each with its own digests. Leftovers of a crash are
 * removed when a store is created, or within an hour or two if it happened on another machine. Several stores, processes
 * and containers may serve one directory; commits with a condition are atomic among all of them, and all commits are
 * within one process.
 *
 * Directories below may be other mounts: what is for them is received in a folder `.trailsum-staging` there. File systems
 * that cannot sync a directory are used as they are.
 * An object is on the disk before it becomes visible; what is beyond its first 16 MiB is written without the page cache
 * if the file system supports that.
 * Rejects with `FILE_UNREADABLE` or `FILE_UNWRITABLE` where the directory cannot be used.
 */
export async function createDirectoryStore(options: DirectoryStoreOptions): Promise<Store> {
  const { directory, digestOnOpen = 64 * 1024 * 1024 } = options;
  try {
    const root = await openDirectoryRoot(directory);
    const folders = storeFolders(root.reserved);
    await folders.make();
    const areas = new StagingAreas(root.directory, folders);
    await areas.open();
    return new DirectoryStore(root, folders, areas, digestOnOpen);
  } catch (error) {
    const code = fileErrorCode(error);
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: "does not exist: create it first",
      ENOTDIR: "is not a directory: name the directory to store files in",
      EACCES: "cannot be written to: no permission",
      EROFS: "cannot be written to: the file system is read-only",
    };
    const why = reasons[code ?? ""] ?? `cannot be used to store files in: ${code}`;
    throw new TrailsumError("FILE_UNWRITABLE", `${directory} ${why}`, { cause: error });
  }
}

/** How often the folders are swept, at the most. */
const SWEEP_INTERVAL = 60 * 60 * 1000;

/** One commit at a time to each file, by whichever store of this process: two may serve one directory. */
const commits = new PathLocks();

class DirectoryStore implements Store {
  readonly #root: DirectoryRoot;
  readonly #records: DigestRecords;
  readonly #folders: StoreFolders;
  readonly #areas: StagingAreas;
  readonly #digestOnOpen: number;
  readonly #hashing = new PathLocks();
  readonly uploads: UploadsInDirectory;
  #swept = 0;

  constructor(root: DirectoryRoot, folders: StoreFolders, areas: StagingAreas, digestOnOpen: number) {
    this.#root = root;
    this.#areas = areas;
    this.#records = createDigestRecords(folders.digests, () => folders.make());
    this.#folders = folders;
    this.#digestOnOpen = digestOnOpen;
    this.uploads = new UploadsInDirectory({
      folders,
      checkPath: (path) => root.checkReplaceable(path),
      publish: (path, version) => this.#commit(path, version),
    });
    this.#sweep();
  }

  async stage(path: string, { size, fields = [] }: StageOptions = {}): Promise<StagedObject> {
    checkKeptFields(fields);
    try {
      // Checked again at the commit; and now, because nothing has been sent yet.
      const { target } = await this.#root.checkReplaceable(path);
      const entry = await this.#areas.create(target, size);
      const publish = (version: NewVersion): Promise<Committed> => this.#commit(path, version);
      return new StagedInDirectory(entry, { fields, uploads: this.uploads, publish });
    } catch (error) {
      throw fileError(error, "FILE_UNWRITABLE");
    }
  }

  /** Publishes a version while nothing else is committed to its path: in this process, and if it has a condition, in any. */
  async #commit(path: string, version: NewVersion): Promise<Committed> {
    const target = await this.#root.target(path);
    return commits.hold(target, () =>
      version.condition === undefined
        ? this.#publish(path, version)
        : this.#holdLock(target, () => this.#publish(path, version)),
    );
  }

  async #holdLock<T>(target: string, action: () => Promise<T>): Promise<T> {
    const name = createHash("sha256").update(this.#root.keyOf(target)).digest("hex").slice(0, 32);
    await this.#folders.make();
    return holdLockFile(join(this.#folders.locks, name), action);
  }

  /** After each step either the old object or the new one is visible, with its own digests. */
  async #publish(path: string, version: NewVersion): Promise<Committed> {
    const { condition } = version;
    const { there: old } = await this.#root.checkReplaceable(path);
    if (condition !== undefined) condition.check(await this.#current(path, condition));
    const { file, changed } = await this.#root.makeWay(path);
    const key = this.#root.keyOf(file);
    const identity = await this.#moveTo(file, version);
    await Promise.all(changed.map(syncDirectory));
    if (old !== undefined && !sameVersion(old, identity)) await this.#records.remove(key, old);
    await this.#records.removeStale(key, identity);
    this.#records.note(key, identity);
    this.#sweep();
    return { created: old === undefined };
  }

  /**
   * Removes a file, or a link to one, while nothing is committed to its path. Directories stay: whether the user or an
   * upload made them is not known.
   */
  async remove(path: string, condition?: CommitCondition): Promise<boolean> {
    try {
      const target = await this.#root.target(path);
      return await commits.hold(target, () => this.#holdLock(target, () => this.#unlink(path, target, condition)));
    } catch (error) {
      throw fileError(error, "FILE_UNWRITABLE");
    }
  }

  async #unlink(path: string, target: string, condition: CommitCondition | undefined): Promise<boolean> {
    const real = await this.#root.resolve(path);
    if (real !== undefined) await this.#root.checkReplaceable(path);
    if (condition !== undefined) condition.check(await this.#current(path, condition));
    if (real === undefined) return false;
    const removed = await unlessAbsent(lstat(target, { bigint: true }));
    if (removed === undefined) return false;
    await unlink(target);
    await syncDirectory(dirname(target));
    if (removed.isFile()) await this.#records.remove(this.#root.keyOf(target), removed);
    return true;
  }

  async list(directory: string, options: ListOptions = {}): Promise<AsyncIterable<ListEntry> | undefined> {
    try {
      return await listDirectory(this.#root, this.#records, directory, options);
    } catch (error) {
      throw fileError(error, "FILE_UNREADABLE");
    }
  }

  async makeDirectory(path: string): Promise<boolean> {
    try {
      return await makeDirectory(this.#root, path);
    } catch (error) {
      throw fileError(error, "FILE_UNWRITABLE");
    }
  }

  async removeDirectory(path: string): Promise<boolean> {
    try {
      return await removeDirectory(this.#root, path);
    } catch (error) {
      throw fileError(error, "FILE_UNWRITABLE");
    }
  }

  /** Records the digests of a version, and moves it to its file: the entry does not exist any more after that. */
  async #moveTo(file: string, { entry, identity, recorded }: NewVersion): Promise<FileIdentity> {
    const key = this.#root.keyOf(file);
    await this.#records.write(key, identity, recorded);
    try {
      await rename(entry.path, file);
      return identity;
    } catch (error) {
      if (fileErrorCode(error) !== "EXDEV") throw error;
    }
    // What looked like one file system is two (a bind mount, a quota): a copy on the other one is another version.
    await this.#records.remove(key, identity);
    const copy = await this.#areas.copyBeside(entry, file);
    try {
      const copied = await copy.file.stat({ bigint: true });
      await this.#records.write(key, copied, recorded);
      await rename(copy.path, file);
      await rm(entry.path, { force: true }).catch(() => {});
      return copied;
    } finally {
      await copy.file.close();
      await rm(copy.path, { force: true });
      await copy.release();
    }
  }

  /**
   * Removes in the background the records of files that other programs have removed or replaced, and what processes that
   * cannot be looked up from here have left of uploads.
   */
  #sweep(): void {
    if (Date.now() - this.#swept < SWEEP_INTERVAL) return;
    this.#swept = Date.now();
    const locate = (path: string): string => this.#root.locate(path);
    const stagedInodes = async (): Promise<Set<string>> =>
      new Set([...(await this.#areas.inodes()), ...(await this.uploads.inodes())]);
    this.#records.sweep({ locate, stagedInodes }).catch(() => {});
    this.#areas.open().catch(() => {});
    this.uploads.sweep().catch(() => {});
  }

  /** Removes the record of one such file, as soon as that is noticed: after a commit that may be running, and not within it. */
  #removeStaleRecord(file: string, there: FileIdentity | undefined): void {
    const key = this.#root.keyOf(file);
    if (!this.#records.isStale(key, there)) return;
    const removed = commits.hold(file, async () => {
      await this.#records.removeStale(key, await unlessAbsent(lstat(file, { bigint: true })));
    });
    removed.catch(() => {});
  }

  async #current(path: string, { needsDigest }: CommitCondition): Promise<ObjectVersion | undefined> {
    const object = await this.open(path, { digest: needsDigest });
    await object?.close();
    return object;
  }

  async open(path: string, { digest = false }: OpenOptions = {}): Promise<StoredObject | undefined> {
    try {
      const real = await this.#root.resolve(path);
      if (real === undefined) {
        this.#removeStaleRecord(await this.#root.target(path), undefined);
        return undefined;
      }
      return await this.#openFile(real, digest ? Number.POSITIVE_INFINITY : this.#digestOnOpen);
    } catch (error) {
      throw fileError(error, "FILE_UNREADABLE");
    }
  }

  /** Opens a file. One of up to `digestUpTo` bytes whose sha-256 is not recorded is read for it. */
  async #openFile(real: string, digestUpTo: number): Promise<StoredObject | undefined> {
    // Not blocking: opening a named pipe would wait for a writer. Not following: the links have been followed, and checked.
    const key = this.#root.keyOf(real);
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
    // oxlint-disable-next-line no-bitwise -- flags are bits
    const file = await unlessAbsent(open(real, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    if (file === undefined) return undefined;
    try {
      const stats = await file.stat({ bigint: true });
      if (stats.isFile()) {
        const known = await this.#records.read(key, stats);
        if (known === undefined) this.#removeStaleRecord(real, stats);
        else this.#records.note(key, stats);
        // Of several concurrent requests, one reads the file.
        const recorded =
          known?.digests.values.has("sha-256") === true || stats.size > digestUpTo
            ? known
            : await this.#hashing.hold(key, () => this.#digest(key, file, stats));
        return new FileInDirectory(file, { size: Number(stats.size), modified: stats.mtime, recorded });
      }
    } catch (error) {
      await file.close();
      throw error;
    }
    await file.close();
    return undefined;
  }

  /** Reads a file that came by other means, or before sha-256 was recorded, and records its digests. */
  async #digest(key: string, file: FileHandle, identity: FileIdentity): Promise<RecordedVersion | undefined> {
    const known = await this.#records.read(key, identity);
    if (known?.digests.values.has("sha-256") === true) return known;
    const digester = await createDigester(["md5", "sha-256", ...(known?.digests.values.keys() ?? [])]);
    const whole = { start: 0, end: Number(identity.size), autoClose: false };
    for await (const chunk of fileStream(file, whole)) digester.update(chunk);
    const digests = digester.digest();
    // The file may have been written to meanwhile.
    if (!sameVersion(identity, await file.stat({ bigint: true }))) return undefined;
    // What was recorded when it was verified decides what it should be.
    if (known !== undefined && !agree(known.digests, digests)) return known;
    const recorded = { fields: [], verified: undefined, ...known, digests };
    // The object can be served without a record, for example when the disk is full.
    await this.#records.write(key, identity, recorded).catch(() => {});
    return recorded;
  }
}

/** Whether the digests of `known` are among `computed`. */
function agree(known: Digests, computed: Digests): boolean {
  return [...known.values].every(([algorithm, digest]) => computed.values.get(algorithm)?.equals(digest) === true);
}
