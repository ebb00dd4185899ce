import { type FieldLine, FieldLines } from "@trailsum/shared";

import { S3Error } from "../s3-errors.ts";
import type { ChunkSignatures } from "./chunk-signatures.ts";

/** What a decoder has to know before it begins. */
export interface AwsChunkedOptions {
  /** The names that `x-amz-trailer` announces, in lower case. */
  readonly announced: readonly string[];
  /** Checks the signatures, where chunks have some. */
  readonly signatures: ChunkSignatures | undefined;
  /** How many bytes there are to be (`x-amz-decoded-content-length`). */
  readonly size: number;
  /** Takes the content. */
  readonly onData: (bytes: Buffer) => void;
}

/**
 * Where a decoder is:
 *
 *     size ──► data ──► data-end ─┐          (a chunk)
 *      ▲ └──────────────────────┐ │
 *      └────────────────────────┼─┘
 *                               ▼
 *                            trailer ──► done   (after the chunk of size 0)
 */
type State = "size" | "data" | "data-end" | "trailer" | "done";

/** The most bytes of a line, and of all lines of the trailer. */
const MAX_LINE = 1024;
const MAX_TRAILER = 4096;

const UNSIGNED_CHUNK = /^([0-9a-f]{1,13})$/i;
const SIGNED_CHUNK = /^([0-9a-f]{1,13});chunk-signature=([0-9a-f]{64})$/i;
const FIELD = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/;
const SIGNATURE_FIELD = "x-amz-trailer-signature";

/**
 * Decodes content that S3 clients send as `aws-chunked`: chunks within the content, independent of the framing of the message,
 * and after them a trailer. It takes bytes and gives bytes, and knows no stream. Throws an {@link S3Error} for content that
 * is not well-formed or not signed as it must be.
 */
export class AwsChunkedDecoder {
  readonly #options: AwsChunkedOptions;
  #state: State = "size";
  /** The beginning of a line that has not ended. */
  #line = Buffer.alloc(0);
  /** The bytes of the chunk that have not arrived. */
  #left = 0;
  #size = 0;
  #trailerSize = 0;
  readonly #trailers: FieldLine[] = [];
  #signature: string | undefined;
  /** Some senders write an empty line between the last chunk and the trailer. */
  #emptyLine: "allowed" | "ends" = "ends";

  constructor(options: AwsChunkedOptions) {
    this.#options = options;
  }

  /** The trailer section; complete after {@link end}. */
  get trailers(): FieldLines {
    return FieldLines.from(this.#trailers);
  }

  /** Takes the next bytes of the content. */
  decode(bytes: Buffer): void {
    let rest = bytes;
    while (rest.length > 0) rest = this.#state === "data" ? this.#takeData(rest) : this.#takeLine(rest);
  }

  /** Says that the content has ended. Throws if it is not complete. */
  end(): void {
    const { announced, size } = this.#options;
    if (this.#state === "trailer" && announced.length > 0 && this.#trailers.length === 0) {
      throw new S3Error("MalformedTrailerError", `The trailer ${announced.join(", ")} was announced and did not come.`);
    }
    if (this.#state !== "done") throw incomplete("The content ends before its last chunk and trailer.");
    if (this.#size !== size) throw incomplete(`The content has ${this.#size} bytes, and ${size} were announced.`);
  }

  #takeData(bytes: Buffer): Buffer {
    const { signatures, onData, size } = this.#options;
    const data = bytes.subarray(0, this.#left);
    this.#left -= data.length;
    this.#size += data.length;
    if (this.#size > size) throw incomplete(`The content has more than the ${size} bytes that were announced.`);
    signatures?.update(data);
    onData(data);
    if (this.#left === 0) {
      signatures?.end();
      this.#state = "data-end";
    }
    return bytes.subarray(data.length);
  }

  #takeLine(bytes: Buffer): Buffer {
    if (this.#state === "done") throw incomplete("There are bytes after the end of the content.");
    const end = bytes.indexOf(0x0a);
    const part = bytes.subarray(0, end === -1 ? bytes.length : end + 1);
    if (this.#line.length + part.length > MAX_LINE) throw this.#malformed("A line is too long.");
    this.#line = Buffer.concat([this.#line, part]);
    if (end !== -1) {
      const line = this.#line.toString("latin1");
      this.#line = Buffer.alloc(0);
      if (!line.endsWith("\r\n")) throw this.#malformed("A line does not end in CRLF.");
      this.#readLine(line.slice(0, -2));
    }
    return bytes.subarray(part.length);
  }

  #readLine(line: string): void {
    if (this.#state === "size") this.#beginChunk(line);
    else if (this.#state === "trailer") this.#readTrailerLine(line);
    else if (line === "") this.#state = "size";
    else throw incomplete("A chunk is longer than its size says.");
  }

  #beginChunk(line: string): void {
    const { signatures, announced } = this.#options;
    const [matched, size = "", signature] = (signatures ? SIGNED_CHUNK : UNSIGNED_CHUNK).exec(line) ?? [];
    if (matched === undefined) throw incomplete("The size of a chunk is not a hexadecimal number, or is not signed.");
    if (signature !== undefined) signatures?.begin(signature.toLowerCase());
    this.#left = Number.parseInt(size, 16);
    if (this.#left > 0) {
      this.#state = "data";
      return;
    }
    signatures?.end();
    this.#state = "trailer";
    this.#emptyLine = announced.length > 0 ? "allowed" : "ends";
  }

  #readTrailerLine(line: string): void {
    this.#trailerSize += line.length;
    if (this.#trailerSize > MAX_TRAILER) throw new S3Error("MalformedTrailerError", "The trailer is too long.");
    if (line === "" && this.#emptyLine === "allowed") {
      this.#emptyLine = "ends";
      return;
    }
    if (line === "") return this.#endTrailer();
    this.#emptyLine = "ends";
    const [, name, value = ""] = FIELD.exec(line) ?? [];
    if (name === undefined || this.#signature !== undefined) throw new S3Error("MalformedTrailerError");
    const key = name.toLowerCase();
    if (key === SIGNATURE_FIELD && this.#options.signatures !== undefined) this.#signature = value.toLowerCase();
    else if (this.#options.announced.includes(key)) this.#trailers.push([key, value]);
    else throw new S3Error("MalformedTrailerError", `The trailer ${JSON.stringify(name)} was not announced.`);
  }

  #endTrailer(): void {
    const { announced, signatures } = this.#options;
    const came = this.#trailers.map(([name]) => name);
    if (came.length !== announced.length || announced.some((name) => !came.includes(name))) {
      throw new S3Error("MalformedTrailerError", "The trailer does not have what x-amz-trailer announces.");
    }
    if (signatures !== undefined && announced.length > 0) {
      if (this.#signature === undefined) throw new S3Error("MalformedTrailerError", "The trailer is not signed.");
      signatures.checkTrailer(this.#trailers, this.#signature);
    }
    this.#state = "done";
  }

  #malformed(message: string): S3Error {
    return this.#state === "trailer" ? new S3Error("MalformedTrailerError", message) : incomplete(message);
  }
}

function incomplete(message: string): S3Error {
  return new S3Error("IncompleteBody", message);
}
