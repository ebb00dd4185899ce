import { createHash } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { fileErrorCode, takeLockFile } from "@trailsum/files";
import { TrailsumError } from "@trailsum/shared";

import { adoptAccess, creationMode, type PartFile } from "./part-file.ts";
import { type PartialState, readState, writeState } from "./partial-state.ts";

/** The files of a download that a later run can continue, beside its destination. */
interface PartialFiles {
  readonly content: string;
  readonly state: string;
  readonly lock: string;
}

/** Longer names are shortened, so that the names made from them are not too long. Bytes. */
const LONGEST_NAME = 200;

function partialFiles(path: string): PartialFiles {
  const name = basename(path);
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 16);
  const short = Buffer.byteLength(name) <= LONGEST_NAME ? name : `${name.slice(0, 60).toWellFormed()}.${hash}`;
  const content = join(dirname(path), `.${short}.trailsum-partial`);
  return { content, state: `${content}.json`, lock: `${content}.lock` };
}

/**
 * Opens the part file of a download that can be continued: that of an earlier run if there is one, or a new one. Only one
 * process at a time has it; `FILE_UNWRITABLE` if another process does. Its content is written only after its state was
 * noted, and is emptied before the state changes: content and state always belong together.
 */
export async function openKeptPart(path: string, before: Stats | undefined): Promise<PartFile> {
  const files = partialFiles(path);
  const lock = await takeLockFile(files.lock, { wait: 0 }).catch((cause: unknown) => {
    if (fileErrorCode(cause) !== "ETIMEDOUT") throw cause;
    const message = `cannot write ${path}: another process is downloading to it`;
    throw new TrailsumError("FILE_UNWRITABLE", message, { cause });
  });
  try {
    const file = await openContent(files.content, before);
    const earlier = await earlierOf(file, files);
    await file.truncate(earlier?.size ?? 0);
    return new KeptPart(file, files, earlier, () => lock.release());
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Never through a link, and never a file of another user: both could be prepared by others in a shared directory. */
async function openContent(path: string, before: Stats | undefined): Promise<FileHandle> {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDWR } = constants;
  // oxlint-disable-next-line no-bitwise -- flags are bits
  const [reading, creating] = [O_RDWR | O_NOFOLLOW | O_NONBLOCK, O_RDWR | O_CREAT | O_EXCL];
  const found = await open(path, reading).catch((error: unknown) => {
    if (fileErrorCode(error) === "ENOENT") return undefined;
    throw error;
  });
  if (found !== undefined) {
    const stats = await found.stat();
    const isOwn = process.geteuid === undefined || stats.uid === process.geteuid() || stats.uid === before?.uid;
    if (stats.isFile() && isOwn && stats.nlink === 1) return found;
    await found.close();
    throw new TrailsumError("FILE_UNWRITABLE", `${path} is not a file of this user: remove it`);
  }
  const created = await open(path, creating, creationMode(before));
  await adoptAccess(created, before);
  return created;
}

async function earlierOf(file: FileHandle, files: PartialFiles): Promise<PartFile["earlier"]> {
  const state = await readState(files.state);
  const { size: there } = await file.stat();
  const size = Math.min(there, state?.complete ?? there);
  return state === undefined || size === 0 ? undefined : { ...state, size };
}

class KeptPart implements PartFile {
  readonly place = "beside";
  readonly path: string;
  readonly file: FileHandle;
  readonly earlier: PartFile["earlier"];
  readonly #files: PartialFiles;
  readonly #release: () => Promise<void>;
  /** Whether a later run can continue what is in it. */
  #continuable: boolean;
  #isOpen = true;

  constructor(file: FileHandle, files: PartialFiles, earlier: PartFile["earlier"], release: () => Promise<void>) {
    this.path = files.content;
    this.file = file;
    this.earlier = earlier;
    this.#files = files;
    this.#continuable = earlier !== undefined;
    this.#release = release;
  }

  async note(state: PartialState | undefined): Promise<void> {
    this.#continuable = state !== undefined;
    if (state === undefined) await unlink(this.#files.state).catch(() => {});
    else await writeState(this.#files.state, state);
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.file.close();
  }

  async settle(): Promise<void> {
    await unlink(this.#files.state).catch(() => {});
    await this.#release();
  }

  async discard(size = 0): Promise<void> {
    if (size > 0 && this.#continuable && this.#isOpen) {
      await this.file.truncate(size).catch(() => {});
      // A power failure must not leave zeros where content was.
      await this.file.sync().catch(() => {});
      await this.close().catch(() => {});
      await this.#release().catch(() => {});
      return;
    }
    await this.close().catch(() => {});
    await unlink(this.path).catch(() => {});
    await this.settle().catch(() => {});
  }
}
