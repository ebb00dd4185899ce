import { Readable } from "node:stream";

import { TrailsumError } from "@trailsum/shared";

import type { S3Bucket, ByteRange } from "./bucket.ts";
import { isPreconditionFailed, s3Error } from "./s3-errors.ts";

/** One version of an object. */
export interface ReadVersion {
  readonly key: string;
  readonly etag: string;
}

/** How often reading is resumed after lost connections without progress in between. */
const ATTEMPTS = 3;

/**
 * The bytes of one version in a range. A truncated response is continued where it ended. If the version is replaced
 * before the first response has begun, or between two, the stream fails with `UNAVAILABLE`. `beginning` are bytes that were
 * read already, from the position 0.
 */
export function readRange(
  bucket: S3Bucket,
  version: ReadVersion,
  range: ByteRange,
  beginning: Buffer = Buffer.alloc(0),
): Readable {
  const controller = new AbortController();
  const pieces = piecesOf(bucket, version, range, beginning, controller.signal);
  return new Readable({
    highWaterMark: 128 * 1024,
    read() {
      pieces.next().then(
        ({ done, value }) => this.push(done === true ? null : value),
        (error: unknown) => this.destroy(TrailsumError.from(error)),
      );
    },
    destroy(error, done) {
      // Before the generator is asked to return: it may wait for a response.
      controller.abort();
      pieces.return(undefined).then(
        () => done(error),
        () => done(error),
      );
    },
  });
}

async function* piecesOf(
  bucket: S3Bucket,
  { key, etag }: ReadVersion,
  { start, end }: ByteRange,
  beginning: Buffer,
  signal: AbortSignal,
): AsyncGenerator<Buffer, undefined> {
  const first = beginning.subarray(start, end);
  if (first.length > 0) yield first;
  let at = start + first.length;
  for (let attempt = 1; at < end; attempt += 1) {
    try {
      const response = await bucket.get(key, { start: at, end }, { ifMatch: etag, signal });
      if (response === undefined) throw replaced();
      for await (const piece of response.Body as Readable) {
        at += (piece as Buffer).length;
        attempt = 1;
        yield piece as Buffer;
      }
      if (at < end) throw new TrailsumError("UNAVAILABLE", "the object storage sent less than the object has");
    } catch (cause) {
      if (isPreconditionFailed(cause)) throw replaced();
      const error = s3Error(cause);
      if (signal.aborted || error.code !== "UNAVAILABLE" || attempt >= ATTEMPTS) throw error;
    }
  }
  return undefined;
}

function replaced(): TrailsumError {
  return new TrailsumError("UNAVAILABLE", "the object was replaced or removed while it was read: read it again");
}
