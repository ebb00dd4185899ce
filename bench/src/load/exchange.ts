import { createHash } from "node:crypto";

import type { Message } from "./message-reader.ts";

// What is asked and answered in the benchmarks of proxies. Both sides are made of this, so that each can check the other.

/** What content is made of. */
export const BLOCK: Buffer = Buffer.alloc(64 * 1024, "checksums that travel at the end of the stream, ");
/** The bytes of small content. */
export const SMALL = 256;
const MIB = 1024 * 1024;
const BLOCKS_IN_MIB = MIB / BLOCK.length;

/** A file that is put on a server, with its digest in the header. */
export const FILE: Buffer = BLOCK.subarray(0, 10 * 1024);

/**
 * Small or large content, in the response or in the request, each with two trailers; a small upload to a store; and a file that is put,
 * plainly or as clients of S3 do.
 */
export type Http1ExchangeName =
  | "small-response"
  | "small-request"
  | "large-response"
  | "large-request"
  | "small-upload"
  | "put-file"
  | "put-object";

/** A unary call of gRPC, a small response, and requests with small or large content, all but the call with two trailers. */
export type Http2ExchangeName = "grpc-unary" | "http2-response" | "http2-request" | "http2-large-request";

/** The kinds of exchange. */
export type ExchangeName = Http1ExchangeName | Http2ExchangeName;

/** Content that is sent in chunks, and what follows it. */
export interface Content {
  readonly size: number;
  /** The trailer lines, with the end of the message. */
  readonly trailers: string;
}

/** The content of small messages. */
export const smallContent: Content = contentOf(BLOCK.subarray(0, SMALL), 1);

/** Content of so many mebibytes; hashes it, which takes a second or two for a gibibyte. */
export function largeContent(mebibytes: number): Content {
  return contentOf(BLOCK, mebibytes * BLOCKS_IN_MIB);
}

/** The sizes of chunks that large content comes in. KiB. */
export type ChunkSize = 16 | 64 | 256;

const inChunks = new Map<ChunkSize, Buffer>();

/** A mebibyte of large content in chunks of a size, as it is sent. */
export function mebibyteInChunks(size: ChunkSize = 64): Buffer {
  const known = inChunks.get(size);
  if (known !== undefined) return known;
  const content = Buffer.concat(Array.from({ length: BLOCKS_IN_MIB }, () => BLOCK));
  const chunks = Array.from({ length: 1024 / size }, (_, at) =>
    chunk(content.subarray(at * size * 1024, (at + 1) * size * 1024)),
  );
  const bytes = Buffer.concat(chunks);
  inChunks.set(size, bytes);
  return bytes;
}

/** The small content in one chunk. */
export const smallInChunks: Buffer = chunk(BLOCK.subarray(0, SMALL));

/** The fields that say what comes after the content. */
export const CHUNKED_FIELDS = "Transfer-Encoding: chunked\r\nTrailer: Md5, Size\r\n";

const looked = new WeakMap<Message, boolean>();

/** Whether a message came with the trailers that it was sent with, in whichever case and whatever else came with them. */
export function keepsTrailers(message: Message, content: Content): boolean {
  // The reader gives the same message for the same bytes.
  let kept = looked.get(message);
  if (kept === undefined) {
    const came = `\r\n${message.trailers.toLowerCase()}`;
    const lines = content.trailers.toLowerCase().split("\r\n");
    kept = lines.every((line) => came.includes(`\r\n${line}`));
    looked.set(message, kept);
  }
  return kept;
}

function chunk(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
}

function contentOf(block: Buffer, times: number): Content {
  const md5 = createHash("md5");
  for (let time = 0; time < times; time += 1) md5.update(block);
  const size = block.length * times;
  return { size, trailers: `Md5: ${md5.digest("hex")}\r\nSize: ${size}\r\n` };
}
