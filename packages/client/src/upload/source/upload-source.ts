import { once } from "node:events";
import type { Readable } from "node:stream";
import { fileURLToPathBuffer } from "node:url";

import { TrailsumError } from "@trailsum/shared";
import {
  type BlobLike,
  bytesView,
  chunkBytes,
  type ContentPieces,
  isBlobLike,
  isIterable,
  isReadableLike,
  isUrl,
  isWebReadable,
  readContent,
} from "@trailsum/shared/streams";

import { readFile, readSmallFile } from "./file-reader.ts";
import { bytesOf, readOnce } from "./stream-source.ts";
import { OpenedFile } from "./opened-file.ts";
import { MAX_WHOLE, type OpenedSource } from "./opened-source.ts";

/**
 * What can be uploaded: a path, a `file:` URL, bytes, a Blob, a Node or web stream, an iterable of bytes. A string is a
 * path. What an iterable or a stream gives may be bytes or strings (UTF-8). Streams of readable-stream and old streams
 * of Node will do; a stream that closes without `end` fails the upload.
 */
export type UploadSource =
  | string
  | URL
  | ArrayBufferView
  | ArrayBuffer
  | Blob
  | NodeJS.ReadableStream
  | ReadableStream
  | AsyncIterable<Uint8Array | string>
  | Iterable<Uint8Array | string>;

const PIECE_BYTES = 1_048_576;

/**
 * Opens a source, a named pipe when it has content: no server waits for it until then. `FILE_UNREADABLE` for a file that
 * cannot be read, `USAGE` for a value that is not a source.
 */
export async function openSource(source: UploadSource, signal: AbortSignal | undefined): Promise<OpenedSource> {
  if (typeof source === "string" || isUrl(source)) return openFile(source, signal);
  const bytes = bytesView(source);
  if (bytes !== undefined) return fromBytes(bytes);
  if (isReadableLike(source)) return readOnce(source);
  if (isBlobLike(source)) return fromBlob(source);
  if (isWebReadable(source)) return readOnce(source);
  if (isIterable(source) && !iteratesPairs(source)) return readOnce(source);
  throw new TrailsumError("USAGE", "the source is neither a path, bytes, a Blob, a stream nor an iterable of bytes");
}

/** Whether its items are names and values, as those of `FormData`, `URLSearchParams`, `Headers` and `Map`: it has no bytes, also if it is empty. */
function iteratesPairs(source: object): boolean {
  const { entries, [Symbol.iterator]: items } = source as { entries?: unknown; [Symbol.iterator]?: unknown };
  return entries !== undefined && entries === items;
}

async function openFile(path: string | URL, signal: AbortSignal | undefined): Promise<OpenedSource> {
  let file: OpenedFile;
  try {
    // A `file:` URL can name a file whose name is not UTF-8.
    file = await OpenedFile.open(typeof path === "string" ? path : fileURLToPathBuffer(path));
  } catch (error) {
    throw unreadable(path, error);
  }
  try {
    const stats = file.stat();
    if (stats.isDirectory()) {
      throw new TrailsumError("FILE_UNREADABLE", `${String(path)} is a directory: name the files in it`);
    }
    const stream = stats.isFile() ? undefined : file.stream();
    if (stream !== undefined) return await fromPipe(stream, signal);
    if (stats.isFile() && stats.size <= MAX_WHOLE) {
      const whole = await readSmallFile(file, String(path));
      await file.close();
      return fromBytes(whole);
    }
    return {
      size: stats.isFile() ? Number(stats.size) : undefined,
      rereadable: stats.isFile(),
      ...(stats.isFile() && { version: stats }),
      read: (memory) => readFile(file, String(path), memory),
      async close() {
        const closed = file.close();
        // It waits for the pending block, and a pipe may never give another block.
        if (stats.isFile()) await closed;
      },
    };
  } catch (error) {
    await file.close();
    throw unreadable(path, error);
  }
}

/** A named pipe or a terminal, once it has content or has ended. */
async function fromPipe(stream: Readable, signal: AbortSignal | undefined): Promise<OpenedSource> {
  // Before it is waited for: a pipe that ends without content is not one that has been read already.
  const opened = readOnce(stream);
  try {
    await once(stream, "readable", { signal });
    return opened;
  } catch (error) {
    await opened.close();
    throw error;
  }
}

function fromBytes(bytes: Uint8Array): OpenedSource {
  const opened = inMemory(bytes.byteLength, () => pieces(bytes));
  return bytes.byteLength <= MAX_WHOLE ? { ...opened, whole: bytes } : opened;
}

/** In pieces, so that it can be stopped, and its progress seen, on the way. */
function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
}

function inMemory(size: number, read: () => AsyncIterable<unknown> | Iterable<unknown>): OpenedSource {
  return { size, rereadable: true, read: () => bytesOf(read()), close: async () => {} };
}

function fromBlob(blob: BlobLike): OpenedSource {
  return inMemory(blob.size, () => blobContent(blob));
}

/** A Blob of a file that was cut short must not be sent as if it were whole. */
async function* blobContent(blob: BlobLike): AsyncGenerator {
  let size = 0;
  const chunks = readContent(blob.stream() as ContentPieces) as AsyncIterator<unknown>;
  for await (const chunk of { [Symbol.asyncIterator]: () => chunks }) {
    size += chunkBytes(chunk)?.byteLength ?? 0;
    yield chunk;
  }
  if (size !== blob.size) {
    throw new TrailsumError("FILE_CHANGED", `the Blob gave ${size} bytes in place of ${blob.size}: send it again`);
  }
}

function unreadable(path: string | URL, error: unknown): TrailsumError {
  if (error instanceof TrailsumError) return error;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: "no such file",
    ENOTDIR: "what should be its directory is a file",
    EACCES: "no permission to read it",
    EPERM: "no permission to read it",
    ENAMETOOLONG: "its name is too long",
  };
  const why = reasons[String(code)] ?? (error instanceof Error ? error.message : String(error));
  return new TrailsumError("FILE_UNREADABLE", `cannot read ${String(path)}: ${why}`, { cause: error });
}
