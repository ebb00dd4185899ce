import { createWriteStream } from "node:fs";
import { type FileHandle, rename, stat } from "node:fs/promises";

import { BlockWriter } from "@trailsum/files";
import { TrailsumError } from "@trailsum/shared";

import { fileUnwritable, writingFile } from "./file-unwritable.ts";
import { isNotReplaceable, isWritable, writeInPlace } from "./in-place.ts";
import { linkTarget } from "./link-target.ts";
import { openNamedPipe } from "./named-pipe.ts";
import { openKeptPart } from "./kept-part.ts";
import type { BegunResponse, EarlierContent, OpenedDestination, RandomAccess } from "./opened-destination.ts";
import { openPartFile, type PartFile } from "./part-file.ts";
import type { PartialState } from "./partial-state.ts";
import { intoWritable } from "./stream-destination.ts";

/** Options of {@link openFile}. */
export interface FileOptions {
  readonly signal: AbortSignal | undefined;
  /** Whether to continue what an earlier run left, and to keep what this one leaves. */
  readonly continued: boolean;
}

/**
 * Into a file of another name, usually beside it, so that the last step is a rename: the file is either absent or complete.
 * A link is kept, and what it leads to is replaced. A file that cannot be replaced, such as a bind mount, is written
 * over, once all of the content has been accepted. A pipe or a device is written to directly.
 * Rejects with `FILE_UNWRITABLE` if that cannot be done, and with `USAGE` for a pipe or a device to be continued.
 */
export async function openFile(given: string, { signal, continued }: FileOptions): Promise<OpenedDestination> {
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
  if (before?.isFile() === false && continued)
    throw new TrailsumError("USAGE", `a download to ${given} cannot be continued: it is not a file`);
  if (before?.isFIFO() === true)
    return intoWritable(await writingFile(given, () => openNamedPipe(path, signal)), signal);
  if (before?.isFile() === false) return intoWritable(createWriteStream(path), signal);
  const open = continued ? openKeptPart : openPartFile;
  const part = await writingFile(given, () => open(path, before));
  return new FileDestination({ given, path, continued }, part);
}

/** A file of which `given` is the name for messages, and `path` the place. */
class FileDestination implements OpenedDestination {
  readonly rewritable = true;
  readonly earlier: EarlierContent | undefined;
  readonly random: RandomAccess;
  readonly #given: string;
  readonly #path: string;
  readonly #part: PartFile;
  /** Whether a later run can continue what is in the part file. */
  readonly #isKept: boolean;
  /** Takes the pieces that come in order, from the first one on. */
  #writer: BlockWriter | undefined;
  /** Without a writer, what is complete: the next piece goes there. */
  #written: number;
  #begun: BegunResponse | undefined;

  constructor(
    { given, path, continued }: { readonly given: string; readonly path: string; readonly continued: boolean },
    part: PartFile,
  ) {
    this.#given = given;
    this.#path = path;
    this.#part = part;
    this.#isKept = continued;
    const { earlier, file } = part;
    this.#written = earlier?.size ?? 0;
    this.#begun = earlier;
    this.earlier = earlier && { ...earlier, read: () => readPart(given, file, 0, earlier.size) };
    this.random = {
      write: (chunk, position) =>
        writingFile(given, async () => {
          await this.#flush();
          await writeAll(file, chunk, position);
        }),
      read: (start, end) => readPart(given, file, start, end),
      settle: async (size) => {
        this.#written = size;
        // The file may have holes after that.
        if (this.#begun !== undefined) await this.#note({ ...this.#begun, complete: size });
      },
      trim: async (size) => {
        await writingFile(given, async () => {
          await this.#flush();
          await file.truncate(size);
        });
        this.#written = size;
        if (this.#begun !== undefined) await this.#note({ ...this.#begun, complete: undefined });
      },
    };
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    this.#writer ??= new BlockWriter(this.#part.file, { start: this.#written });
    const taken = this.#writer.write(chunk);
    return taken && writingFile(this.#given, () => taken);
  }

  /** Puts on the disk what has been collected of the pieces that came in order. */
  async #flush(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    if (writer === undefined) return;
    try {
      await writer.finish();
      await writer.sync();
    } finally {
      await this.#release(writer);
    }
  }

  async #release(writer: BlockWriter | undefined): Promise<void> {
    if (writer === undefined) return;
    writer.close();
    await writer.settle();
    this.#written = writer.written;
  }

  async restart(): Promise<void> {
    await this.#release(this.#writer);
    this.#writer = undefined;
    await writingFile(this.#given, () => this.#part.file.truncate(0));
    this.#written = 0;
  }

  async begin(response: BegunResponse | undefined): Promise<void> {
    this.#begun = response;
    await this.#note(response && { ...response, complete: undefined });
  }

  #note(state: PartialState | undefined): Promise<void> {
    return writingFile(this.#given, () => this.#part.note(state));
  }

  async commit(): Promise<void> {
    const part = this.#part;
    await writingFile(this.#given, async () => {
      await this.#flush();
      // What came in ranges as well.
      if (part.place === "beside") await part.file.sync();
      await part.close();
      if (part.place === "beside" && (await replace(part.path, this.#path))) return part.settle();
      await writeInPlace(part.path, this.#path);
      return part.discard();
    });
  }

  async discard(error: Error): Promise<void> {
    const isWanted = this.#isKept && !isAboutIntegrity(error);
    if (isWanted) await this.#flush().catch(() => {});
    else await this.#release(this.#writer);
    await this.#part.discard(isWanted ? this.#written : 0);
  }
}

/** Content that is not what it should be is not continued. */
function isAboutIntegrity(error: Error): boolean {
  return error instanceof TrailsumError && [6, 7].includes(error.meaning.exit);
}

const BLOCK = 256 * 1024;

async function* readPart(given: string, file: FileHandle, start: number, end: number): AsyncGenerator<Uint8Array> {
  const block = Buffer.allocUnsafeSlow(BLOCK);
  for (let position = start; position < end;) {
    const { bytesRead } = await writingFile(given, () =>
      file.read(block, 0, Math.min(BLOCK, end - position), position),
    );
    if (bytesRead === 0) throw new TrailsumError("FILE_CHANGED", `${given} changed while it was downloaded`);
    position += bytesRead;
    yield block.subarray(0, bytesRead);
  }
}

/** Renames a complete file over an existing one. Returns false if that cannot be replaced. */
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
