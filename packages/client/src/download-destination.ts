import { randomBytes } from "node:crypto";
import { type FileHandle, open, readdir, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Writable } from "node:stream";
import { fileURLToPath } from "node:url";

import { TrailsumError } from "@trailsum/shared";

/**
 * Where a download goes: a path, a `file:` URL, a Node or web stream. A file appears only when all of it has been
 * accepted. A stream gets the bytes as they come, is ended when they have been accepted and destroyed when they have not.
 */
export type DownloadDestination = string | URL | Writable | WritableStream<Uint8Array>;

/** A destination that is ready to be written to. */
export interface OpenedDestination {
  /** Whether what was written can be taken back, and another attempt begin from the start. */
  readonly rewritable: boolean;
  write(chunk: Uint8Array): Promise<void>;
  /** Takes back all that was written. Only where it is rewritable. */
  restart(): Promise<void>;
  /** All of it has been accepted: makes it last, and seen. */
  commit(): Promise<void>;
  /** It has not been accepted: leaves nothing behind. */
  discard(error: Error): Promise<void>;
}

/** Opens a destination. `FILE_UNWRITABLE` where a file cannot be written. */
export async function openDestination(destination: DownloadDestination): Promise<OpenedDestination> {
  if (typeof destination === "string") return openFile(destination);
  if (destination instanceof URL) return openFile(fileURLToPath(destination));
  if (destination instanceof Writable) return intoStream(Writable.toWeb(destination).getWriter());
  return intoStream(destination.getWriter());
}

/** Into a file of another name beside it, so that the last step is a rename: there is either nothing or all of it. */
async function openFile(path: string): Promise<OpenedDestination> {
  const directory = dirname(path);
  const prefix = `.${basename(path).slice(0, 200)}.`;
  const temporary = join(directory, `${prefix}${process.pid}-${randomBytes(6).toString("hex")}.trailsum`);
  // Found out now, and not by a rename that fails behind a long download.
  const before = await stat(path).catch(() => undefined);
  if (before?.isDirectory() === true)
    throw new TrailsumError("FILE_UNWRITABLE", `${path} is a directory: name a file in it`);
  await removeLeftovers(directory, prefix);
  let file: FileHandle;
  try {
    file = await open(temporary, "wx", 0o666);
  } catch (error) {
    throw unwritable(path, error);
  }
  let written = 0;
  let closed = false;
  const close = async (): Promise<void> => {
    if (!closed) await file.close();
    closed = true;
  };
  return {
    rewritable: true,
    async write(chunk) {
      try {
        await writeAll(file, chunk, written);
        written += chunk.byteLength;
      } catch (error) {
        throw unwritable(path, error);
      }
    },
    async restart() {
      await file.truncate(0);
      written = 0;
    },
    async commit() {
      try {
        await file.sync();
        await close();
        await rename(temporary, path);
      } catch (error) {
        throw unwritable(path, error);
      }
    },
    async discard() {
      await close();
      await unlink(temporary).catch(() => {});
    },
  };
}

function intoStream(writer: WritableStreamDefaultWriter<Uint8Array>): OpenedDestination {
  // Its failures are those of `write` and `commit`.
  writer.closed.catch(() => {});
  const failed = (error: unknown): TrailsumError => {
    const reason = error instanceof Error ? error.message : String(error);
    return new TrailsumError("FILE_UNWRITABLE", `cannot write what was downloaded: ${reason}`, { cause: error });
  };
  return {
    rewritable: false,
    async write(chunk) {
      await writer.ready.catch(() => {});
      await writer.write(chunk).catch((error: unknown) => {
        throw failed(error);
      });
    },
    restart: () => Promise.reject(new TrailsumError("INTERNAL", "what a stream was given cannot be taken back")),
    commit: () =>
      writer.close().catch((error: unknown) => {
        throw failed(error);
      }),
    async discard(error) {
      await writer.abort(error).catch(() => {});
    },
  };
}

async function writeAll(file: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.byteLength;) {
    // oxlint-disable-next-line no-await-in-loop -- what the first write left over
    const { bytesWritten } = await file.write(chunk, done, chunk.byteLength - done, position + done);
    done += bytesWritten;
  }
}

/** A process that was killed could not clean up after itself; the next one to write here does. */
async function removeLeftovers(directory: string, prefix: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  const leftovers = names.filter((name) => {
    const owner = name.startsWith(prefix) ? /^(\d+)-[0-9a-f]{12}\.trailsum$/.exec(name.slice(prefix.length)) : null;
    return owner !== null && !isRunning(Number(owner[1]));
  });
  await Promise.all(leftovers.map((name) => unlink(join(directory, name)).catch(() => {})));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function unwritable(path: string, error: unknown): TrailsumError {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOSPC" || code === "EDQUOT") {
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
