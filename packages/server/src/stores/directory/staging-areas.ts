import { constants } from "node:fs";
import { copyFile, lstat, mkdir, readdir, rmdir, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";

import { createTemporaryFile, removeLeftovers, type TemporaryFile, unlessAbsent } from "@trailsum/files";
import { TrailsumError } from "@trailsum/shared";

import { createWithin } from "./file-errors.ts";
import { foreignStagingFolder } from "../object-path.ts";
import type { StoreFolders } from "./store-folders.ts";

/** A file that is being received, out of sight. */
export interface StagingEntry extends TemporaryFile {
  /** Cleans up after it, once it has been renamed or removed. */
  release(): Promise<void>;
}

/**
 * Where files are received: in the store's own folder, or, for a target on another file system, in a folder there, as
 * only what is on one file system can be renamed.
 */
export class StagingAreas {
  readonly #directory: string;
  readonly #folders: StoreFolders;
  /** Directories that turned out to need a separate area, such as a bind mount, which looks like the same device. */
  readonly #separate = new Set<string>();
  readonly #opened = new Map<string, Promise<void>>();

  /** `directory` is the real path of the directory that is served. */
  constructor(directory: string, folders: StoreFolders) {
    this.#directory = directory;
    this.#folders = folders;
  }

  /** Opens the store's own area, and removes leftovers there. */
  async open(): Promise<void> {
    await removeLeftovers({ directory: this.#folders.staging, exclusive: true });
  }

  /** The inodes of what is being received in the store's own area, in decimal. */
  async inodes(): Promise<Set<string>> {
    const names = (await unlessAbsent(readdir(this.#folders.staging))) ?? [];
    const paths = names.map((name) => join(this.#folders.staging, name));
    const found = await Promise.all(paths.map((path) => unlessAbsent(lstat(path, { bigint: true }))));
    return new Set(found.flatMap((stats) => (stats === undefined ? [] : [String(stats.ino)])));
  }

  /** Creates an entry that can be renamed to `target`, the real path of a file, with room for `size` bytes if that is known. */
  async create(target: string, size: number | undefined): Promise<StagingEntry> {
    const place = await this.#placeFor(target);
    if (size !== undefined && size > SMALL) await checkRoom(place ?? this.#directory, size);
    return this.#createIn(place);
  }

  /** Copies an entry to the file system of `target`, which it could not be renamed to. The copy is on the disk. */
  async copyBeside(entry: StagingEntry, target: string): Promise<StagingEntry> {
    const directory = dirname(target);
    this.#separate.add(directory);
    const copy = await this.#createIn(directory);
    await copyFile(entry.path, copy.path, constants.COPYFILE_FICLONE);
    await copy.file.sync();
    await copy.settle();
    return copy;
  }

  /** Creates an entry in the store's own folder, or in one below `place`. */
  async #createIn(place: string | undefined): Promise<StagingEntry> {
    if (place === undefined) {
      const folders = this.#folders;
      const entry = await createWithin(
        () => folders.make(),
        () => createTemporaryFile({ directory: folders.staging }, MODE),
      );
      return { ...entry, release: async () => {} };
    }
    const folder = join(place, foreignStagingFolder);
    const make = async (): Promise<void> => void (await mkdir(folder, { recursive: true, mode: 0o700 }));
    await this.#openOnce(folder);
    const entry = await createWithin(make, () => createTemporaryFile({ directory: folder }, MODE));
    // The folder is in the user's own tree, and is not left there. As long as others use it that fails.
    return { ...entry, release: () => rmdir(folder).catch(() => {}) };
  }

  /** Removes leftovers in a folder, before it is first used. */
  async #openOnce(folder: string): Promise<void> {
    let opened = this.#opened.get(folder);
    if (opened === undefined) {
      opened = removeLeftovers({ directory: folder, exclusive: true }).catch(() => {});
      this.#opened.set(folder, opened);
    }
    await opened;
  }

  /** The directory in which to make a staging folder for a target; undefined where the store's own one will do. */
  async #placeFor(target: string): Promise<string | undefined> {
    // Needs no look at the disk: most files of many are small, and each look costs a turn of the thread pool.
    if (dirname(target) === this.#directory && !this.#separate.has(this.#directory)) return undefined;
    const { directory, dev } = await deepestDirectory(target, this.#directory);
    if (this.#separate.has(directory)) return directory;
    if (directory === this.#directory || dev === (await stat(this.#directory)).dev) return undefined;
    let mount = directory;
    while (mount !== this.#directory && (await stat(dirname(mount))).dev === dev) mount = dirname(mount);
    return mount;
  }
}

/** Content of up to this size arrives as fast as it can be refused: whether there is room shows when it is written. Bytes. */
const SMALL = 64 * 1024;

/** The final mode of a file. Until it is published, its folder is closed to other users. */
const MODE = 0o644;

/** The deepest directory on the way to `target` that exists, at or below `root`, and the device that it is on. */
async function deepestDirectory(target: string, root: string): Promise<{ directory: string; dev: number }> {
  for (let directory = dirname(target); directory !== root; directory = dirname(directory)) {
    const stats = await unlessAbsent(stat(directory));
    if (stats !== undefined) return { directory, dev: stats.dev };
  }
  return { directory: root, dev: (await stat(root)).dev };
}

/**
 * Refuses at once what cannot fit. A file system that reports no free space at all may not know (FUSE without statfs), or
 * keep some for the superuser: there it shows when it is written.
 */
export async function checkRoom(directory: string, size: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  if (bavail > 0 && size > bavail * bsize) throw new TrailsumError("NO_SPACE", "no space left to store this");
}
