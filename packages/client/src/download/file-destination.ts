import { createWriteStream, type Stats } from "node:fs";
import { type FileHandle, rename, stat } from "node:fs/promises";

import { TrailsumError } from "@trailsum/shared";

import { fileUnwritable, writingFile } from "./file-unwritable.ts";
import { isNotReplaceable, isWritable, writeInPlace } from "./in-place.ts";
import { linkTarget } from "./link-target.ts";
import { openNamedPipe } from "./named-pipe.ts";
import type { OpenedDestination } from "./opened-destination.ts";
import { openPartFile } from "./part-file.ts";
import { intoWritable } from "./stream-destination.ts";

/**
 * Into a file of another name, usually beside it, so that the last step is a rename: the file is either absent or complete.
 * A link is kept, and what it leads to is replaced. A file that cannot be replaced, such as a bind mount, is written
 * over, once all of the content has been accepted. A pipe or a device is written to directly.
 * Rejects with `FILE_UNWRITABLE` if that cannot be done.
 */
export async function openFile(given: string, signal: AbortSignal | undefined): Promise<OpenedDestination> {
  if (given === "" || given.endsWith("/"))
    throw new TrailsumError("FILE_UNWRITABLE", `"${given}" names no file: name the file to write`);
  const path = await writingFile(given, () => linkTarget(given));
  // Checked now, so that a rename does not fail after a long download.
  const before = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENAMETOOLONG") throw fileUnwritable(given, error);
    return undefined;
  });
  if (before?.isDirectory() === true)
    throw new TrailsumError("FILE_UNWRITABLE", `${given} is a directory: name a file in it`);
  if (before?.isFIFO() === true)
    return intoWritable(await writingFile(given, () => openNamedPipe(path, signal)), signal);
  if (before?.isFile() === false) return intoWritable(createWriteStream(path), signal);
  return intoPartFile(given, path, before);
}

/** `given` is the name for messages, `path` the place of the file. */
async function intoPartFile(given: string, path: string, before: Stats | undefined): Promise<OpenedDestination> {
  const part = await writingFile(given, () => openPartFile(path, before));
  let written = 0;
  return {
    rewritable: true,
    async write(chunk) {
      await writingFile(given, () => writeAll(part.file, chunk, written));
      written += chunk.byteLength;
    },
    async restart() {
      await writingFile(given, () => part.file.truncate(0));
      written = 0;
    },
    async commit() {
      await writingFile(given, async () => {
        if (part.place === "beside") await part.file.sync();
        await part.close();
        if (part.place === "beside" && (await replace(part.path, path))) return;
        await writeInPlace(part.path, path);
        await part.discard();
      });
    },
    async discard() {
      await part.discard();
    },
  };
}

/** Renames a complete file over another one. Returns false if that one cannot be replaced. */
async function replace(part: string, path: string): Promise<boolean> {
  try {
    await rename(part, path);
    return true;
  } catch (error) {
    if (isNotReplaceable(error) && (await isWritable(path))) return false;
    throw error;
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.byteLength;) {
    const { bytesWritten } = await file.write(chunk, done, chunk.byteLength - done, position + done);
    done += bytesWritten;
  }
}
