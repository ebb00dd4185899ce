import { randomBytes } from "node:crypto";

import { isFieldValue } from "@trailsum/shared";
import { type BlobLike, type ContentPieces, isBlobLike, isReadableLike, readContent } from "@trailsum/shared/streams";
import { errors } from "undici";

/** What the `FormData` of undici, of Node and of libraries have in common. */
export interface FormDataLike extends Iterable<readonly [name: string, value: unknown]> {
  getAll(name: string): unknown;
}

/** A form as multipart/form-data, which can be read more than once. */
export interface EncodedForm {
  readonly type: string;
  readonly length: number;
  read(): AsyncIterator<unknown>;
}

/** Whether it is a `FormData`. The one of the package form-data is a stream. */
export function isFormDataLike(value: object): value is FormDataLike {
  const { [Symbol.toStringTag]: tag } = value as { [Symbol.toStringTag]?: unknown };
  return tag === "FormData" && Symbol.iterator in value && "getAll" in value && !isReadableLike(value);
}

/**
 * Encodes a form as browsers and undici do (WHATWG HTML, "multipart/form-data encoding algorithm"), so that its length
 * is known before it is sent: `Response` encodes forms too, and does not give the length. Later changes of the form do
 * not matter. Throws undici's `InvalidArgumentError` for an entry that cannot be sent.
 */
export function encodeForm(form: FormDataLike): EncodedForm {
  const boundary = `----formdata-trailsum-${randomBytes(12).toString("hex")}`;
  const parts: (Uint8Array | BlobLike)[] = [];
  for (const [name, value] of form) {
    const disposition = `--${boundary}\r\nContent-Disposition: form-data; name="${escaped(withCrlf(name))}"`;
    if (typeof value === "string") parts.push(Buffer.from(`${disposition}\r\n\r\n${withCrlf(value)}\r\n`));
    else if (isBlobLike(value)) parts.push(Buffer.from(`${disposition}${fileFields(value)}`), value, CRLF);
    else throw new errors.InvalidArgumentError("a form has strings and files only");
  }
  parts.push(Buffer.from(`--${boundary}--\r\n`));
  const sizes = parts.map((part) => (part instanceof Uint8Array ? part.byteLength : part.size));
  return {
    type: `multipart/form-data; boundary=${boundary}`,
    length: sizes.reduce((sum, size) => sum + size, 0),
    read: () => pieces(parts),
  };
}

const CRLF = Buffer.from("\r\n");

async function* pieces(parts: readonly (Uint8Array | BlobLike)[]): AsyncGenerator {
  for (const part of parts) {
    if (part instanceof Uint8Array) {
      yield part;
      continue;
    }
    const content = readContent(part.stream() as ContentPieces) as AsyncIterator<unknown>;
    yield* { [Symbol.asyncIterator]: () => content };
  }
}

function fileFields(file: BlobLike & { readonly name?: unknown }): string {
  const { name, type } = file;
  const mediaType = type || "application/octet-stream";
  if (!isFieldValue(mediaType)) throw new errors.InvalidArgumentError("invalid type of a file in a form");
  const filename = typeof name === "string" && name !== "" ? `; filename="${escaped(name)}"` : "";
  return `${filename}\r\nContent-Type: ${mediaType}\r\n\r\n`;
}

function escaped(text: string): string {
  return text.replaceAll("\n", "%0A").replaceAll("\r", "%0D").replaceAll('"', "%22");
}

function withCrlf(text: string): string {
  return text.replaceAll(/\r?\n|\r/g, "\r\n");
}
