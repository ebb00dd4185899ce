import { randomBytes } from "node:crypto";
import { createWriteStream, type Stats } from "node:fs";
import { type FileHandle, open, realpath, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { TrailsumError } from "@trailsum/shared";

import { removeLeftovers, temporaryPrefix } from "./leftovers.ts";
import { openNamedPipe } from "./named-pipe.ts";
import type { OpenedDestination } from "./opened-destination.ts";
import { intoWritable, isOutOfSpace } from "./stream-destination.ts";

/**
 * Into a file of another name beside it, so that the last step is a rename: there is either nothing or all of it. What is
 * no file, a pipe or a device, is written to as it is. `FILE_UNWRITABLE` where that cannot be done.
 */
export async function openFile(given: string, signal: AbortSignal | undefined): Promise<OpenedDestination> {
  if (given === "" || given.endsWith("/"))
    throw new TrailsumError("FILE_UNWRITABLE", `"${given}" names no file: name the file to write`);
  // What a link leads to is replaced, and not the link.
  const path = await realpath(given).catch(() => given);
  // Found out now, and not by a rename that fails behind a long download.
  const before = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENAMETOOLONG") throw unwritable(given, error);
    return undefined;
  });
  if (before?.isDirectory() === true)
    throw new TrailsumError("FILE_UNWRITABLE", `${given} is a directory: name a file in it`);
  if (before?.isFIFO() === true) return intoWritable(await writing(given, () => openNamedPipe(path, signal)), signal);
  if (before?.isFile() === false) return intoWritable(createWriteStream(path), signal);
  return besideFile(path, before);
}

async function besideFile(path: string, before: Stats | undefined): Promise<OpenedDestination> {
  const directory = dirname(path);
  const prefix = temporaryPrefix(basename(path));
  await removeLeftovers(directory, prefix);
  const temporary = join(directory, `${prefix}${process.pid}-${randomBytes(6).toString("hex")}.trailsum`);
  const file = await writing(path, () => openLike(before, temporary));
  let written = 0;
  let closed = false;
  const close = async (): Promise<void> => {
    if (!closed) await file.close();
    closed = true;
  };
  return {
    rewritable: true,
    async write(chunk) {
      await writing(path, () => writeAll(file, chunk, written));
      written += chunk.byteLength;
    },
    async restart() {
      await writing(path, () => file.truncate(0));
      written = 0;
    },
    async commit() {
      await writing(path, async () => {
        await file.sync();
        await close();
        await rename(temporary, path);
      });
    },
    async discard() {
      await close().catch(() => {});
      await unlink(temporary).catch(() => {});
    },
  };
}

/** A new file, which whoever may not read the one that it replaces may not read either. */
async function openLike(before: Stats | undefined, temporary: string): Promise<FileHandle> {
  if (before === undefined) return open(temporary, "wx", 0o666);
  const mode = before.mode & 0o777;
  const file = await open(temporary, "wx", mode);
  // Some file systems know no modes.
  await file.chmod(mode).catch(() => {});
  return file;
}

async function writeAll(file: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.byteLength;) {
    const { bytesWritten } = await file.write(chunk, done, chunk.byteLength - done, position + done);
    done += bytesWritten;
  }
}

async function writing<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw unwritable(path, error);
  }
}

function unwritable(path: string, error: unknown): TrailsumError {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (isOutOfSpace(error)) {
    return new TrailsumError("NO_SPACE", `no space left to write ${path}: make room and try again`, { cause: error });
  }
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: "its directory does not exist",
    EACCES: "no permission",
    EPERM: "no permission",
    EROFS: "the file system is read-only",
    EISDIR: "it is a directory: name a file in it",
    ENOTDIR: "what should be its directory is a file",
    ENAMETOOLONG: "its name is too long",
  };
  const reason = reasons[String(code)] ?? (error instanceof Error ? error.message : String(error));
  return new TrailsumError("FILE_UNWRITABLE", `cannot write ${path}: ${reason}`, { cause: error });
}
