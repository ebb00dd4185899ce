import { randomBytes } from "node:crypto";
import type { Readable } from "node:stream";

import type { FieldLine } from "@trailsum/shared";

import { type ByteRange, contentRange } from "../request/byte-ranges.ts";

/** Several parts of a representation as one content (RFC 9110 section 14.6). */
export interface MultipartRanges {
  readonly contentType: string;
  readonly size: number;
  /** The content. `read` gives the bytes of a part; it is called for one after another. */
  content(read: (range: ByteRange) => Readable): AsyncGenerator<Buffer>;
}

/** Encloses parts of a representation of `size` bytes, each with the fields that describe the representation. */
export function multipartRanges(
  ranges: readonly ByteRange[],
  size: number,
  fields: readonly FieldLine[],
): MultipartRanges {
  const boundary = randomBytes(16).toString("hex");
  const described = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const heads = ranges.map((range, at) =>
    Buffer.from(
      `${at === 0 ? "" : "\r\n"}--${boundary}\r\n${described}Content-Range: ${contentRange(range, size)}\r\n\r\n`,
      "latin1",
    ),
  );
  const close = Buffer.from(`\r\n--${boundary}--\r\n`);
  const lengths = [...heads.map((head) => head.length), ...ranges.map(({ start, end }) => end - start), close.length];
  return {
    contentType: `multipart/byteranges; boundary=${boundary}`,
    size: lengths.reduce((sum, length) => sum + length, 0),
    async *content(read) {
      for (const [at, range] of ranges.entries()) {
        yield heads[at]!;
        for await (const chunk of read(range)) yield chunk as Buffer;
      }
      yield close;
    },
  };
}
