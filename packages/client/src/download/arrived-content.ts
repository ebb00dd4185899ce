import {
  type Algorithm,
  algorithms,
  algorithmsInHeader,
  algorithmsToCompute,
  announcedIntegrityFields,
  createStreamDigester,
  decideVerdict,
  FieldLines,
  type Requirement,
  type StreamDigester,
  TrailsumError,
  type Verdict,
  parseSize,
  redactedTarget,
  sameFieldName,
} from "@trailsum/shared";

import type { OpenedDestination } from "./opened-destination.ts";

/** The response that content began with. */
interface Beginning {
  readonly url: URL;
  readonly header: FieldLines;
  /** Whether it is the whole representation, or a part that the caller asked for. */
  readonly content: "whole" | "part";
  readonly digester: StreamDigester;
}

/**
 * What has arrived of a download, over all attempts: written to the destination and hashed on the way. It can be
 * continued by another response only under a strong validator, and then the whole is verified at the end.
 */
export class ArrivedContent {
  /** The algorithms that the caller asked for. */
  readonly wanted: readonly Algorithm[];
  readonly #destination: OpenedDestination;
  readonly #require: readonly Requirement[];
  #beginning: Beginning | undefined;
  /** Whether any of it was handed to the destination. */
  written = false;
  #continued = false;
  /** The size of the whole representation, as a 206 states it. */
  #completeLength: number | undefined;

  constructor(destination: OpenedDestination, wanted: readonly Algorithm[], require: readonly Requirement[] = []) {
    this.#destination = destination;
    this.#require = require;
    this.wanted = wanted;
  }

  /** How many bytes there are. */
  get size(): number {
    return this.#beginning?.digester.size ?? 0;
  }

  /** Whether another response from `url` may go on where this ends. */
  isContinuable(url: URL): boolean {
    if (this.#beginning === undefined || this.size === 0) return false;
    const { header, content } = this.#beginning;
    // Only a strong tag says that the bytes are the same (RFC 9110 section 8.8.1), and of one URL only.
    if (content !== "whole" || strongTag(header) === undefined || this.#beginning.url.href !== url.href) return false;
    // A 206 brings trailers for its part. If nothing but the first response's own could vouch for the whole, they are
    // worth more than what has arrived.
    return algorithmsInHeader(header).length > 0 || announcedIntegrityFields(header).length === 0;
  }

  /** The fields that ask for the missing part, provided that the representation is still the same. */
  get range(): string[] {
    return ["Range", `bytes=${this.size}-`, "If-Range", strongTag(this.#beginning!.header)!];
  }

  /** Starts with the first response, or starts again with another one: what arrived before is discarded. */
  async begin(url: URL, header: FieldLines, status: number): Promise<void> {
    this.forget();
    if (this.written) await this.#destination.restart();
    this.written = false;
    const expected = { header, trailersPossible: header.has("Transfer-Encoding") || !header.has("Content-Length") };
    const compute = [...this.wanted, ...algorithmsToCompute(expected, algorithms)];
    const digester = await createStreamDigester(compute, contentLength(header));
    this.#beginning = { url, header, content: status === 206 ? "part" : "whole", digester };
  }

  /** Checks that a 206 goes on where this ends (RFC 9110 sections 14.4 and 15.3.7); `PROTOCOL` if it does not. */
  checkContinues(header: FieldLines): void {
    const beginning = this.#beginning!;
    const [, start, complete] = /^bytes (\d+)-\d+\/(\d+|\*)$/i.exec(header.get("Content-Range") ?? "") ?? [];
    const tag = header.get("ETag");
    const length = contentLength(beginning.header);
    const differs =
      Number(start) !== this.size ||
      (tag !== undefined && tag !== strongTag(beginning.header)) ||
      (complete !== "*" && length !== undefined && Number(complete) !== length);
    if (differs) {
      this.forget();
      throw new TrailsumError(
        "PROTOCOL",
        `${redactedTarget(beginning.url)}: the server sent another part than the one asked for`,
      );
    }
    this.#continued = true;
    this.#completeLength = complete === "*" ? length : Number(complete);
  }

  /** Takes the next piece. Resolves when there is room for another one. */
  async add(chunk: Uint8Array): Promise<void> {
    this.written = true;
    await Promise.all([this.#beginning!.digester.update(chunk), this.#destination.write(chunk)]);
  }

  /** Discards what has arrived: the next response starts again. */
  forget(): void {
    this.#beginning?.digester.close();
    this.#beginning = undefined;
    this.#continued = false;
    this.#completeLength = undefined;
  }

  /** The verdict on all of it, once a response has ended. Call it once. */
  async verdict(header: FieldLines, trailer: FieldLines): Promise<Verdict> {
    const { header: first, digester, content, url } = this.#beginning!;
    const complete = this.#completeLength ?? digester.size;
    // A server may give less than the rest: then there is more to ask for.
    if (digester.size < complete)
      throw new TrailsumError(
        "CONNECTION_LOST",
        `${redactedTarget(url)}: ${digester.size} of ${complete} bytes have come`,
      );
    // What turns out wrong cannot be continued: another attempt begins anew.
    const continued = this.#continued;
    const computed = await digester.digest();
    this.forget();
    if (!continued) return decideVerdict({ header, trailer, computed, content, require: this.#require });
    // Of what a 206 says, only that which is about the whole representation counts: its content is but a part.
    return decideVerdict({
      header: FieldLines.from([...first.delete("Trailer"), ...ofWhole(header)]),
      trailer: ofWhole(trailer),
      computed,
      require: this.#require,
    });
  }
}

function ofWhole(fields: FieldLines): FieldLines {
  return fields.without((name) => !sameFieldName(name, "Repr-Digest"));
}

/** How many bytes of content a response says that it has: in its framing, or where that is chunked in `Size`. */
export function contentLength(header: FieldLines): number | undefined {
  const length = header.get("Content-Length");
  if (length !== undefined) return Number(length);
  const size = parseSize(header.getAll("Size"));
  return "value" in size ? size.value : undefined;
}

/** A strong entity tag (RFC 9110 section 8.8.3). */
function strongTag(header: FieldLines): string | undefined {
  const tag = header.get("ETag");
  return tag !== undefined && /^"[^"]*"$/.test(tag) ? tag : undefined;
}
