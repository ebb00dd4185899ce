import { type FileHandle, open } from "node:fs/promises";
import { Readable } from "node:stream";
import { isUint8Array } from "node:util/types";

import { TrailsumError } from "@trailsum/shared";

import { readFile } from "./file-reader.ts";

/**
 * What can be uploaded: a path, a `file:` URL, bytes, a Blob, a Node or web stream, an iterable of bytes. A string is a
 * path. What an iterable or a stream gives may be bytes or strings (UTF-8).
 */
export type UploadSource =
  | string
  | URL
  | Uint8Array
  | ArrayBuffer
  | Blob
  | Readable
  | ReadableStream
  | AsyncIterable<Uint8Array | string>
  | Iterable<Uint8Array | string>;

/** A source that is ready to be read. */
export interface OpenedSource {
  /** Bytes in all, where that is known. */
  readonly size: number | undefined;
  /** Whether it can be read again from its start. */
  readonly rereadable: boolean;
  /** Reads it from its start. */
  read(): AsyncIterable<Uint8Array>;
  /** Lets go of it. */
  close(): Promise<void>;
}

/** Opens a source. `FILE_UNREADABLE` for a file that cannot be read, `USAGE` for what is no source. */
export async function openSource(source: UploadSource): Promise<OpenedSource> {
  if (typeof source === "string" || source instanceof URL) return openFile(source);
  if (isUint8Array(source)) return inMemory(source.byteLength, () => [source]);
  if (source instanceof ArrayBuffer) return inMemory(source.byteLength, () => [new Uint8Array(source)]);
  if (source instanceof Blob) return inMemory(source.size, () => source.stream());
  if (source instanceof Readable || isIterable(source)) return readOnce(source);
  throw new TrailsumError("USAGE", "the source is neither a path, bytes, a Blob, a stream nor an iterable of bytes");
}

async function openFile(path: string | URL): Promise<OpenedSource> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    throw unreadable(path, error);
  }
  try {
    const stats = await file.stat();
    if (stats.isDirectory()) {
      throw new TrailsumError("FILE_UNREADABLE", `${String(path)} is a directory: name the files in it`);
    }
    return {
      size: stats.isFile() ? stats.size : undefined,
      rereadable: stats.isFile(),
      read: () => readFile(file, String(path)),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw unreadable(path, error);
  }
}

function inMemory(size: number, read: () => AsyncIterable<unknown> | Iterable<unknown>): OpenedSource {
  return { size, rereadable: true, read: () => bytesOf(read()), close: async () => {} };
}

function readOnce(source: Readable | AsyncIterable<unknown> | Iterable<unknown>): OpenedSource {
  return {
    size: undefined,
    rereadable: false,
    read: () => bytesOf(source),
    async close() {
      if (source instanceof Readable) source.destroy();
    },
  };
}

async function* bytesOf(source: AsyncIterable<unknown> | Iterable<unknown>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    if (isUint8Array(chunk)) yield chunk;
    else if (typeof chunk === "string") yield Buffer.from(chunk);
    else if (ArrayBuffer.isView(chunk)) yield new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    else if (chunk instanceof ArrayBuffer) yield new Uint8Array(chunk);
    else throw new TrailsumError("USAGE", "the source gave something that is neither bytes nor a string");
  }
}

function isIterable(value: unknown): value is AsyncIterable<unknown> | Iterable<unknown> {
  return typeof value === "object" && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value);
}

function unreadable(path: string | URL, error: unknown): TrailsumError {
  if (error instanceof TrailsumError) return error;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const why =
    code === "ENOENT"
      ? "there is no such file"
      : code === "EACCES" || code === "EPERM"
        ? "no permission to read it"
        : error instanceof Error
          ? error.message
          : String(error);
  return new TrailsumError("FILE_UNREADABLE", `cannot read ${String(path)}: ${why}`, { cause: error });
}
