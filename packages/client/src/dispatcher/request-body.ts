import type { Readable } from "node:stream";

import {
  type BlobLike,
  bytesView,
  type ContentPieces,
  isBlobLike,
  isIterable,
  isReadableLike,
  isWebReadable,
  nodeReadable,
  readContent,
} from "@trailsum/shared/streams";
import { errors } from "undici";

import { encodeForm, isFormDataLike } from "./form-data.ts";

/** The content of a request, by the way it is read. */
export type RequestBody =
  | { readonly kind: "none" }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "stream"; readonly stream: Readable }
  | {
      readonly kind: "iterable";
      /** Begins to read it. */
      readonly read: () => AsyncIterator<unknown> | Iterator<unknown>;
      /** Whether it can be read again from its start. */
      readonly rereadable: boolean;
      /** The number of bytes, where it is known. */
      readonly length?: number;
      /** The media type of the content, if it has one. */
      readonly type?: string;
    };

/** A `RequestBody` from what undici takes as one; `rereadable` says of an iterable that it can be iterated again. Throws undici's `InvalidArgumentError` for anything else. */
export function requestBody(body: unknown, rereadable = false): RequestBody {
  if (body === null || body === undefined) return { kind: "none" };
  if (typeof body === "string") return bytes(Buffer.from(body));
  const view = bytesView(body);
  if (view !== undefined) return bytes(view);
  if (isReadableLike(body)) return { kind: "stream", stream: nodeReadable(body) };
  if (isBlobLike(body)) return blob(body);
  if (typeof body === "object" && isFormDataLike(body))
    return { kind: "iterable", rereadable: true, ...encodeForm(body) };
  if (isWebReadable(body)) return { kind: "iterable", read: () => readContent(body), rereadable: false };
  if (isIterable(body)) return { kind: "iterable", read: () => readContent(body), rereadable };
  throw new errors.InvalidArgumentError(
    "body must be a string, a Buffer, a Readable stream, an iterable, or an async iterable",
  );
}

/** Whether the body could be sent a second time from its start. */
export function isReplayable(body: RequestBody): boolean {
  return body.kind === "iterable" ? body.rereadable : body.kind !== "stream";
}

function bytes(view: Uint8Array): RequestBody {
  return { kind: "bytes", bytes: view };
}

function blob(body: BlobLike): RequestBody {
  const { size, type } = body;
  if (!Number.isSafeInteger(size) || size < 0) throw new errors.InvalidArgumentError("invalid size of a Blob");
  return {
    kind: "iterable",
    rereadable: true,
    read: () => readContent(body.stream() as ContentPieces),
    length: size,
    ...(type === "" ? {} : { type }),
  };
}
