import { Readable } from "node:stream";
import { isUint8Array } from "node:util/types";

import { errors, FormData, Response } from "undici";

/** The content of a request, by the way it is read. */
export type RequestBody =
  | { readonly kind: "none" }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "stream"; readonly stream: Readable }
  | {
      readonly kind: "iterable";
      readonly iterable: AsyncIterable<unknown> | Iterable<unknown>;
      /** The number of bytes, where it is known. */
      readonly length?: number;
      /** The media type, where the content tells it itself. */
      readonly type?: string;
    };

/** A `RequestBody` from what undici takes as one. Throws undici's `InvalidArgumentError` for anything else. */
export function requestBody(body: unknown): RequestBody {
  if (body === null || body === undefined) return { kind: "none" };
  if (typeof body === "string") return bytes(Buffer.from(body));
  if (isUint8Array(body)) return bytes(body);
  if (ArrayBuffer.isView(body)) return bytes(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
  if (body instanceof ArrayBuffer) return bytes(Buffer.from(body));
  if (body instanceof Readable) return { kind: "stream", stream: body };
  if (body instanceof Blob) return blob(body);
  if (body instanceof FormData) return form(new Response(body));
  if (body instanceof globalThis.FormData) return form(new globalThis.Response(body));
  if (typeof body === "object" && isStreamLike(body)) return { kind: "stream", stream: new Readable().wrap(body) };
  if (typeof body === "object" && (Symbol.asyncIterator in body || Symbol.iterator in body)) {
    return { kind: "iterable", iterable: body as AsyncIterable<unknown> | Iterable<unknown> };
  }
  throw new errors.InvalidArgumentError(
    "body must be a string, a Buffer, a Readable stream, an iterable, or an async iterable",
  );
}

/** Whether the body could be sent a second time from its start. */
export function isReplayable(body: RequestBody): boolean {
  return body.kind === "none" || body.kind === "bytes";
}

function bytes(view: Uint8Array): RequestBody {
  return { kind: "bytes", bytes: view };
}

function blob(body: Blob): RequestBody {
  return {
    kind: "iterable",
    iterable: body.stream(),
    length: body.size,
    ...(body.type === "" ? {} : { type: body.type }),
  };
}

/** The fields of a form as multipart/form-data, which `Response` knows how to write. */
function form(response: {
  readonly body: unknown;
  readonly headers: { get(name: string): string | null };
}): RequestBody {
  return {
    kind: "iterable",
    iterable: response.body as AsyncIterable<unknown>,
    type: response.headers.get("content-type") ?? "multipart/form-data",
  };
}

/** A stream of another stream library, or of Node's past: it has `pipe` and events, and no async iterator. */
function isStreamLike(body: object): body is NodeJS.ReadableStream {
  return "pipe" in body && typeof body.pipe === "function" && "on" in body && !(Symbol.asyncIterator in body);
}
