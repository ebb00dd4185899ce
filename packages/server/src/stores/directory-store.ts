import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, rename, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";

import { createDigester, type Digests, TrailsumError } from "@trailsum/shared";

import {
  createDigestRecords,
  type DigestRecords,
  type FileIdentity,
  sameVersion,
  syncDirectory,
} from "./digest-records.ts";
import { type DirectoryRoot, openDirectoryRoot } from "./directory-root.ts";
import { fileError, fileErrorCode, unlessAbsent } from "./file-errors.ts";
import { PathLocks } from "./path-locks.ts";
import { StagedFile } from "./staged-file.ts";
import { createStagingEntry, removeLeftovers, type StagingEntry } from "./staging-area.ts";
import type {
  CommitCondition,
  Committed,
  ObjectVersion,
  OpenOptions,
  ReadOptions,
  StagedObject,
  Store,
  StoredObject,
} from "./store.ts";

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
 * A crash at any instant leaves the old object or the new one, each with its own digests. What a crash left behind is
 * removed when a store is created. Several stores, and processes, may serve one directory.
 * An object is on the disk before it is to be seen; what is beyond its first 16 MiB goes there past the system's memory,
 * where the file system has such a way.
 * Rejects with `FILE_UNREADABLE` or `FILE_UNWRITABLE` where the directory cannot be used.
 */
export async function createDirectoryStore(options: DirectoryStoreOptions): Promise<Store> {
  const { directory, digestOnOpen = 64 * 1024 * 1024 } = options;
  try {
    const root = await openDirectoryRoot(directory);
    const folders = storeFolders(root);
    await folders.make();
    await removeLeftovers(folders.staging);
    return new DirectoryStore(root, folders, digestOnOpen);
  } catch (error) {
    const code = fileErrorCode(error);
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: "does not exist: create it first",
      ENOTDIR: "is no directory: name one to keep files in",
      EACCES: "cannot be written to: no permission",
      EROFS: "cannot be written to: the file system is read-only",
    };
    const why = reasons[code ?? ""] ?? `cannot be used to store files in: ${code}`;
    throw new TrailsumError("FILE_UNWRITABLE", `${directory} ${why}`, { cause: error });
  }
}

/** The folders that a store keeps for itself. */
interface StoreFolders {
  readonly staging: string;
  readonly digests: string;
  /** Makes those that are missing. Somebody may remove them at any time; the directory itself is not made again. */
  make(): Promise<void>;
}

function storeFolders({ reserved }: DirectoryRoot): StoreFolders {
  const staging = join(reserved, "staging");
  const digests = join(reserved, "digests");
  return {
    staging,
    digests,
    async make() {
      for (const folder of [reserved, staging, digests]) {
        await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
          if (fileErrorCode(error) !== "EEXIST") throw error;
        });
      }
    },
  };
}

/** How often the records are swept, at the most. */
const SWEEP_INTERVAL = 60 * 60 * 1000;

/** One commit at a time to each file, by whichever store of this process: two may serve one directory. */
const commits = new PathLocks();

class DirectoryStore implements Store {
  readonly #root: DirectoryRoot;
  readonly #records: DigestRecords;
  readonly #folders: StoreFolders;
  readonly #digestOnOpen: number;
  readonly #hashing = new PathLocks();
  #swept = 0;

  constructor(root: DirectoryRoot, folders: StoreFolders, digestOnOpen: number) {
    this.#root = root;
    this.#records = createDigestRecords(folders.digests, () => folders.make());
    this.#folders = folders;
    this.#digestOnOpen = digestOnOpen;
    this.#sweepRecords();
  }

  async stage(path: string, { size }: { readonly size?: number | undefined } = {}): Promise<StagedObject> {
    try {
      // Again at the commit; now as well, because nothing has been sent yet.
      await this.#root.checkReplaceable(path);
      if (size !== undefined) await this.#checkRoom(size);
      const entry = await createStagingEntry(this.#folders.staging, () => this.#folders.make());
      return new StagedInDirectory(entry, (version) => this.#publish(path, entry, version));
    } catch (error) {
      throw fileError(error, "FILE_UNWRITABLE");
    }
  }

  async #checkRoom(size: number): Promise<void> {
    const room = await unlessAbsent(statfs(this.#folders.staging));
    if (room !== undefined && size > room.bavail * room.bsize)
      throw new TrailsumError("NO_SPACE", "there is no space left to store this");
  }

  /** From here on each step leaves either the old object or the new one to be seen, and both with their right digests. */
  async #publish(path: string, entry: StagingEntry, version: NewVersion): Promise<Committed> {
    const { identity, digests, condition } = version;
    return commits.hold(await this.#root.target(path), async () => {
      await this.#root.checkReplaceable(path);
      if (condition !== undefined) condition.check(await this.#current(path, condition));
      const { file, changed } = await this.#root.makeWay(path);
      const key = this.#root.keyOf(file);
      const old = await unlessAbsent(lstat(file, { bigint: true }));
      await this.#records.write(key, identity, digests);
      await rename(entry.path, file);
      entry.release();
      await Promise.all(changed.map(syncDirectory));
      if (old !== undefined && !sameVersion(old, identity)) await this.#records.remove(key, old);
      await this.#records.removeStale(key, identity);
      this.#records.note(key, identity);
      this.#sweepRecords();
      return { created: old === undefined };
    });
  }

  /** Removes the records of files that somebody else has removed or replaced: in its own time, they are only untidy. */
  #sweepRecords(): void {
    if (Date.now() - this.#swept < SWEEP_INTERVAL) return;
    this.#swept = Date.now();
    this.#records.sweep((path) => this.#root.locate(path)).catch(() => {});
  }

  /** The same for one file, as soon as that is noticed: after a commit that may be running, and not within it. */
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
        // Many may ask for it at once: one of them reads it.
        const digests =
          known?.values.has("sha-256") === true || stats.size > digestUpTo
            ? known
            : await this.#hashing.hold(key, () => this.#digest(key, file, stats));
        return new FileInDirectory(file, Number(stats.size), digests, stats.mtime);
      }
    } catch (error) {
      await file.close();
      throw error;
    }
    await file.close();
    return undefined;
  }

  /** Reads a file that came by other means, or before sha-256 was recorded, and records its digests. */
  async #digest(key: string, file: FileHandle, identity: FileIdentity): Promise<Digests | undefined> {
    const known = await this.#records.read(key, identity);
    if (known?.values.has("sha-256") === true) return known;
    const digester = await createDigester(["md5", "sha-256", ...(known?.values.keys() ?? [])]);
    for await (const chunk of fileStream(file, Number(identity.size), { autoClose: false })) digester.update(chunk);
    const digests = digester.digest();
    // It may have been written to meanwhile.
    if (!sameVersion(identity, await file.stat({ bigint: true }))) return undefined;
    // What was recorded when it was verified decides what it should be.
    if (known !== undefined && !agree(known, digests)) return known;
    // It can be served without being remembered, from a full disk, say.
    await this.#records.write(key, identity, digests).catch(() => {});
    return digests;
  }
}

/** Whether the digests of `known` are among `computed`. */
function agree(known: Digests, computed: Digests): boolean {
  return [...known.values].every(([algorithm, digest]) => computed.values.get(algorithm)?.equals(digest) === true);
}

/** A staged file that is complete and on the disk, and what has to hold for it to be published. */
interface NewVersion {
  readonly identity: FileIdentity;
  readonly digests: Digests;
  readonly condition: CommitCondition | undefined;
}

type Publish = (version: NewVersion) => Promise<Committed>;

class StagedInDirectory implements StagedObject {
  readonly content: StagedFile;
  readonly #entry: StagingEntry;
  readonly #publish: Publish;
  #open = true;

  constructor(entry: StagingEntry, publish: Publish) {
    this.#entry = entry;
    this.#publish = publish;
    this.content = new StagedFile(entry.path, entry.file);
  }

  async commit(digests: Digests, condition?: CommitCondition): Promise<Committed> {
    if (!this.#open) throw new TrailsumError("INTERNAL", "the staged object was committed or discarded before");
    try {
      await this.content.sync();
      const identity = await this.#entry.file.stat({ bigint: true });
      if (Number(identity.size) !== digests.size) {
        throw new TrailsumError("INTERNAL", "the staged file does not have the size that was received");
      }
      const committed = await this.#publish({ identity, digests, condition });
      await this.#close();
      return committed;
    } catch (error) {
      await this.discard();
      throw fileError(error, "FILE_UNWRITABLE");
    }
  }

  async discard(): Promise<void> {
    if (!this.#open) return;
    this.content.destroy();
    await this.#close();
    // What cannot be removed now is removed when a store is next created.
    await rm(this.#entry.path, { force: true }).catch(() => {});
    this.#entry.release();
  }

  async #close(): Promise<void> {
    this.#open = false;
    await this.content.settle();
    await this.#entry.file.close().catch(() => {});
  }
}

class FileInDirectory implements StoredObject {
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
function fileStream(
  file: FileHandle,
  size: number,
  { autoClose, chunkSize = 256 * 1024 }: ReadOptions & { readonly autoClose: boolean },
): Readable {
  return file.createReadStream({ start: 0, end: Math.max(0, size - 1), autoClose, highWaterMark: chunkSize });
}
