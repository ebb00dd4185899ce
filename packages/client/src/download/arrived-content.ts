import {
  type Algorithm,
  algorithmsInHeader,
  algorithmsToCompute,
  announcedIntegrityFields,
  coversRepresentation,
  createStreamDigester,
  decideVerdict,
  FieldLines,
  type Requirement,
  type StreamDigester,
  TrailsumError,
  type Verdict,
  parseSize,
  redactedTarget,
} from "@trailsum/shared";

import { contentRange, strongTag } from "./content-range.ts";
import type { ProgressReport } from "../transfer/progress.ts";
import type { OpenedDestination } from "./opened-destination.ts";

/** What a download is verified by. */
export interface Expectations {
  /** The URL that was asked for. */
  readonly target: URL;
  /** The algorithms that the caller asked for. */
  readonly wanted: readonly Algorithm[];
  /** The algorithms that are computed if it takes them to verify what comes. */
  readonly supported: readonly Algorithm[];
  readonly require: readonly Requirement[];
  /** Digests that the caller knows beforehand. */
  readonly checksum: ReadonlyMap<Algorithm, Buffer>;
}

/** The response that content began with. */
interface Beginning {
  readonly url: URL;
  readonly header: FieldLines;
  /** Whether it is the whole representation, or a part that the caller asked for. */
  readonly content: "whole" | "part";
  readonly digester: StreamDigester;
}

/**
 * What has arrived of a download, over all attempts and earlier runs: written to the destination and hashed on the way.
 * It can be continued by another response only under a strong validator, and then the whole is verified at the end.
 */
export class ArrivedContent {
  readonly destination: OpenedDestination;
  readonly expectations: Expectations;
  #beginning: Beginning | undefined;
  /** Whether any content was written to the destination. */
  written = false;
  /** Whether more than one response gave it. */
  #continued = false;
  /** The size of the whole representation, as a 206 states it. */
  #completeLength: number | undefined;

  constructor(destination: OpenedDestination, expectations: Expectations) {
    this.destination = destination;
    this.expectations = expectations;
  }

  /** The response that it began with; undefined before there is one. */
  get begun(): Pick<Beginning, "url" | "header"> | undefined {
    return this.#beginning;
  }

  /** How many bytes there are. */
  get size(): number {
    return this.#beginning?.digester.size ?? 0;
  }

  /** How many bytes the whole representation has, where a response said so. */
  get total(): number | undefined {
    return this.#completeLength ?? (this.#beginning && contentLength(this.#beginning.header));
  }

  /** Hashes what an earlier run left, if it belongs to the same URL. */
  async restore(progress: ProgressReport): Promise<void> {
    const { earlier } = this.destination;
    if (earlier === undefined) return;
    this.written = true;
    const url = URL.parse(earlier.url);
    if (url === null || earlier.target !== this.expectations.target.href) return;
    await this.#open(url, earlier.header, "whole");
    const { digester } = this.#beginning!;
    for await (const chunk of earlier.read()) {
      await digester.update(chunk);
      progress.moved("resuming", digester.size, this.total);
    }
  }

  /** Whether another response from `url` may go on where this ends. */
  isContinuable(url: URL): boolean {
    if (this.#beginning === undefined || this.size === 0) return false;
    // Of one URL only (RFC 9110 section 8.8.1), unless the caller knows what the whole must be.
    const { url: begunAt } = this.#beginning;
    return this.#hasValidator() && (begunAt.href === url.href || this.expectations.checksum.size > 0);
  }

  #hasValidator(): boolean {
    if (this.#beginning === undefined) return false;
    const { header, content } = this.#beginning;
    // Only a strong tag guarantees identical bytes (RFC 9110 section 8.8.1).
    if (content !== "whole" || strongTag(header) === undefined) return false;
    if (this.expectations.checksum.size > 0) return true;
    // A 206 brings trailers for its part. If nothing but the first response's own could vouch for the whole, they are
    // worth more than what has arrived.
    return algorithmsInHeader(header).length > 0 || announcedIntegrityFields(header).length === 0;
  }

  /** Whether the content is complete and its digest known. */
  get isComplete(): boolean {
    if (this.#beginning === undefined || this.size !== this.total) return false;
    return this.expectations.checksum.size > 0 || algorithmsInHeader(this.#beginning.header).length > 0;
  }

  /** The tag of the representation. Only where it is continuable. */
  get tag(): string {
    return strongTag(this.#beginning!.header)!;
  }

  /** The fields that ask for the missing part, provided that the representation is still the same. */
  get range(): string[] {
    return ["Range", `bytes=${this.size}-`, "If-Range", this.tag];
  }

  /** Starts with the first response, or starts again with a new one: what arrived before is discarded. */
  async begin(url: URL, header: FieldLines, status: number): Promise<void> {
    await this.#restart();
    await this.#open(url, header, status === 206 ? "part" : "whole");
    const response = { target: this.expectations.target.href, url: url.href, header };
    await this.destination.begin(this.#hasValidator() ? response : undefined);
  }

  /** Starts with a response that gives the first of several ranges, and whose fields describe the whole. */
  async beginRanges(url: URL, header: FieldLines, completeLength: number): Promise<void> {
    const ofAll = FieldLines.from([
      ["Content-Length", String(completeLength)],
      ...header.without((name) => !["etag", "repr-digest"].includes(name.toLowerCase())),
    ]);
    await this.begin(url, ofAll, 200);
    this.#continued = true;
  }

  async #restart(): Promise<void> {
    this.forget();
    if (this.written) await this.destination.restart();
    this.written = false;
  }

  async #open(url: URL, header: FieldLines, content: Beginning["content"]): Promise<void> {
    const trailersPossible = header.has("Transfer-Encoding") || !header.has("Content-Length");
    const { checksum, supported, wanted } = this.expectations;
    const needed = algorithmsToCompute({ header, trailersPossible, content }, supported);
    const algorithms = [...wanted, ...checksum.keys(), ...needed];
    // With nothing to verify it by, its digest at least says what came.
    const compute = algorithms.length > 0 ? algorithms : (["sha-256"] as const);
    const digester = await createStreamDigester(compute, contentLength(header));
    this.#beginning = { url, header, content, digester };
  }

  /** Accepts a 206 that continues where this ends (RFC 9110 sections 14.4 and 15.3.7). False for one that does not. */
  acceptRest(header: FieldLines): boolean {
    const beginning = this.#beginning!;
    const range = contentRange(header);
    const tag = header.get("ETag");
    const length = contentLength(beginning.header);
    const differs =
      range?.start !== this.size ||
      (tag !== undefined && tag !== strongTag(beginning.header)) ||
      (range.complete !== undefined && length !== undefined && range.complete !== length);
    if (differs) return false;
    this.#continued = true;
    this.#completeLength = range.complete ?? length;
    return true;
  }

  /** Takes the next piece. Await the result before the next. */
  add(chunk: Uint8Array): Promise<unknown> | undefined {
    this.written = true;
    const hashed = this.#beginning!.digester.update(chunk);
    const written = this.destination.write(chunk);
    return hashed === undefined || written === undefined ? (hashed ?? written) : Promise.all([hashed, written]);
  }

  /** Hashes the next piece, which the destination has already. */
  async addWritten(chunk: Uint8Array): Promise<void> {
    this.written = true;
    await this.#beginning!.digester.update(chunk);
  }

  /** Discards what has arrived: the next response starts again. */
  forget(): void {
    this.#beginning?.digester.close();
    this.#beginning = undefined;
    this.#continued = false;
    this.#completeLength = undefined;
  }

  /**
   * The verdict on the whole content, once the last response has ended: its header and its trailers; without them if no response
   * had to add anything to what an earlier one gave. Call it once.
   */
  async verdict(header: FieldLines | undefined, trailer: FieldLines = FieldLines.empty): Promise<Verdict> {
    const { header: first, digester, content, url } = this.#beginning!;
    const complete = this.#completeLength ?? digester.size;
    // A server may give less than the rest: then there is more to ask for.
    if (digester.size < complete)
      throw new TrailsumError(
        "CONNECTION_LOST",
        `${redactedTarget(url)}: ${digester.size} of ${complete} bytes have come`,
      );
    // Wrong content cannot be continued: the next attempt starts again.
    const continued = this.#continued;
    const computed = await digester.digest();
    this.forget();
    const { checksum: expected, require, supported } = this.expectations;
    if (!continued && header !== undefined)
      return decideVerdict({ header, trailer, computed, content, expected, supported, require });
    // Of what a 206 says, only that which is about the whole representation counts: its content is but a part.
    return decideVerdict({
      header: FieldLines.from([...first.delete("Trailer"), ...(header === undefined ? [] : ofWhole(header))]),
      trailer: ofWhole(trailer),
      computed,
      expected,
      supported,
      require,
    });
  }
}

function ofWhole(fields: FieldLines): FieldLines {
  return fields.without((name) => !coversRepresentation(name));
}

/** The announced size of the content: from its framing or, for chunked content, from `Size`. */
export function contentLength(header: FieldLines): number | undefined {
  const length = header.get("Content-Length");
  if (length !== undefined) return Number(length);
  const size = parseSize(header.getAll("Size"));
  return "value" in size ? size.value : undefined;
}
