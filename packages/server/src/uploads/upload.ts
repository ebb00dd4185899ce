import { finished } from "node:stream/promises";

import type { ContentSource } from "@trailsum/http/inbound";
import {
  type Algorithm,
  algorithmsInHeader,
  algorithmsWanted,
  createStreamDigester,
  createTrailerPolicy,
  type Digests,
  FieldLines,
  timeLimit,
  TrailsumError,
  unsigned,
  type Verdict,
  weakestAlgorithm,
} from "@trailsum/shared";

import { commitCondition } from "../request/conditional-request.ts";
import type { StoredUpload as StoredObject } from "../receive-upload.ts";
import { readBody, tooLarge } from "../request/request-body.ts";
import type { RequestHead } from "../request/request-head.ts";
import { requireSignature } from "../request/upload-signature.ts";
import type { StoredUpload } from "../stores/upload-store.ts";
import { isAcceptable, type VerificationPolicy } from "../verify-request.ts";
import { IncomingContent } from "./incoming-content.ts";
import { completedUpload, inconsistentLength, mismatchingOffset } from "./upload-errors.ts";
import { formatRecord, type UploadRecord, type UploadState } from "./upload-record.ts";
import { type Evidence, judgeUpload, neededAlgorithms } from "./upload-verdict.ts";

/** What an upload has to know of the uploads that it is one of. */
export interface UploadSettings extends VerificationPolicy {
  /** When an upload of that state that is used now expires. Milliseconds since the epoch. */
  readonly expiry: (state?: UploadState) => number;
  /** How many bytes may be added to what is staged. */
  readonly room: () => Promise<number>;
  /** Called when the staged content or the record has changed; with nothing when the upload is gone. */
  readonly onChange: (upload: (UploadRecord & { readonly size: number }) | undefined) => void;
}

/** How the content of one append is verified separately. */
export interface PartCheck {
  /** What has to be computed for it. */
  readonly algorithms: readonly Algorithm[];
  /** Compares. `trailer` is what came after the content. */
  readonly decide: (trailer: FieldLines, computed: Digests) => Verdict;
}

/** One append. */
export interface Append {
  readonly head: RequestHead;
  /** Nothing where the request has none. */
  readonly content: ContentSource | undefined;
  /** Where the client takes the content to begin. */
  readonly offset: number;
  /** Whether nothing comes after it. */
  readonly last: boolean;
  /** The length of the whole, where the request says it. */
  readonly length: number | undefined;
  /** How the content is verified separately. With a check it is appended only if it verified; without one, all that arrives is kept. */
  readonly check?: PartCheck | undefined;
  /** Called before the content is read. */
  readonly onAccepted: () => void;
  /** Called when so much of the upload is durable. */
  readonly onDurable: (size: number) => void;
}

/** The outcome of a complete append: the trailers that followed it; or its own check failed, and nothing changed. */
export type Appended = { readonly trailer: FieldLines } | { readonly refused: Verdict };

/** An upload in the hands of the one request that uses it. */
export class Upload {
  readonly #stored: StoredUpload;
  readonly #settings: UploadSettings;
  readonly #signal: AbortSignal;
  #record: UploadRecord;
  #discarded = false;

  /** `signal` aborts when another request wants the upload. */
  constructor(stored: StoredUpload, record: UploadRecord, settings: UploadSettings, signal: AbortSignal) {
    this.#stored = stored;
    this.#record = record;
    this.#settings = settings;
    this.#signal = signal;
  }

  /** The same, after what a process that was killed has left undone. */
  static async recover(
    stored: StoredUpload,
    record: UploadRecord,
    settings: UploadSettings,
    signal: AbortSignal,
  ): Promise<Upload> {
    const upload = new Upload(stored, record, settings, signal);
    // The absence of the content shows it: a process may be killed between the commit and a later write.
    if (stored.published) upload.#record = { ...record, state: "published" };
    else if (record.state !== "open") {
      if (record.state === "checking") await stored.truncate(record.settled);
      await upload.#describe({ state: "open" });
    }
    return upload;
  }

  get id(): string {
    return this.#stored.id;
  }

  get record(): UploadRecord {
    return this.#record;
  }

  /** How many bytes of content there are. */
  get offset(): number {
    return this.published ? this.#record.settled : this.#stored.size;
  }

  /** Whether the object was published. */
  get published(): boolean {
    return this.#record.state === "published";
  }

  /** Whether all content is there. */
  get whole(): boolean {
    return this.offset === this.#record.length;
  }

  /** Appends content. Rejects if it did not arrive whole; {@link offset} says what was kept. */
  async append(append: Append): Promise<Appended> {
    const { offset, check, head, last } = append;
    if (this.published) throw completedUpload();
    if (offset !== this.offset) throw mismatchingOffset(this.offset, offset);
    const length = this.#lengthAfter(append);
    if (head.size === 0) {
      const end = last ? offset : length;
      if (end !== this.#record.length) await this.#describe({ length: end });
      return { trailer: FieldLines.empty };
    }
    const bound = await this.#bound(length, offset, head.size);
    append.onAccepted();
    if (check !== undefined || length !== this.#record.length) {
      await this.#describe({ length, ...(check !== undefined && { state: "checking", settled: offset }) });
    }
    let verdict: Verdict | undefined;
    let trailer = FieldLines.empty;
    try {
      const received = await this.#receive(append, bound.end - offset);
      ({ trailer } = received);
      verdict = check?.decide(trailer, received.computed);
      if (verdict !== undefined && verdict.name !== "verified") return { refused: verdict };
      if (last) await this.#describe({ length: this.offset });
    } catch (error) {
      if (TrailsumError.from(error).code !== "TOO_LARGE") throw error;
      // More than was announced can never be right.
      if (bound.by === "length") await this.discard();
      throw boundError(bound);
    } finally {
      await this.#settle(offset, check === undefined ? "unchecked" : verdict);
    }
    return { trailer };
  }

  /**
   * Publishes what verified, and is signed where that is required. With a bad verdict the upload is gone; where only digests are missing it stays as it is, so that
   * another request can bring them.
   */
  async complete(evidence: Evidence): Promise<StoredObject | { readonly refused: Verdict }> {
    if (this.published) throw completedUpload();
    const record = this.#record;
    const size = this.offset;
    if (record.length !== undefined && size !== record.length)
      throw inconsistentLength(`the upload has ${size} of ${record.length} bytes: it is not complete`);
    const computed = await this.#digests(neededAlgorithms(record, evidence, this.#settings));
    const verdict = judgeUpload({ record, evidence, computed, policy: this.#settings });
    if (!isAcceptable(verdict, this.#settings)) {
      if (verdict.name === "mismatched") await this.discard();
      return { refused: verdict };
    }
    if (this.#settings.signatureKeys !== undefined) {
      if (evidence.signed === undefined) throw unsigned();
      requireSignature(evidence.signed, computed, this.#settings);
    }
    await this.#describe({ state: "completing", settled: size, length: size });
    const { path, header, fields } = record;
    try {
      const { created } = await this.#stored.commit(path, {
        digests: verdict.computed,
        fields,
        condition: commitCondition({ header: FieldLines.from(header) }),
        verified: verdict.name === "verified",
      });
      this.#record = { ...this.#record, state: "published" };
      this.#changed();
      return { path, verdict, created };
    } catch (error) {
      // The stored object has changed and will not change back: the content is useless.
      if (TrailsumError.from(error).code === "PRECONDITION_FAILED") await this.discard();
      else await this.#describe({ state: "open" });
      throw error;
    }
  }

  /** Gives the upload up, with its content. An object that was published stays. */
  async discard(): Promise<void> {
    this.#discarded = true;
    await this.#stored.discard();
    this.#settings.onChange(undefined);
  }

  /** Checks what the append says of lengths. Returns the length of the whole, if it is known. */
  #lengthAfter({ offset, last, length: given, head: { size } }: Append): number | undefined {
    const known = this.#record.length ?? given;
    const end = size === undefined ? undefined : offset + size;
    const ofLast = last ? end : undefined;
    for (const other of [given, ofLast]) {
      if (known !== undefined && other !== undefined && other !== known)
        throw inconsistentLength(`the upload has ${known} bytes, and not ${other}`);
    }
    const length = known ?? ofLast;
    if (length !== undefined && (end ?? offset) > length)
      throw inconsistentLength(`the upload has ${length} bytes: the content goes beyond that`);
    const { maxSize = Number.POSITIVE_INFINITY } = this.#settings;
    if (Math.max(length ?? 0, end ?? 0) > maxSize) throw tooLarge(maxSize);
    return length;
  }

  /** The position that content may reach. Throws at once for content that is known to go beyond it. */
  async #bound(length: number | undefined, offset: number, size: number | undefined): Promise<Bound> {
    const { maxSize = Number.POSITIVE_INFINITY, room } = this.#settings;
    const left = offset + (await room());
    const end = Math.min(left, maxSize, length ?? Number.POSITIVE_INFINITY);
    const bound: Bound = { end, by: end === length ? "length" : end === maxSize ? "maxSize" : "room" };
    if (offset + (size ?? 1) > end) throw boundError(bound);
    return bound;
  }

  /** Reads content into the upload. The upload knows its size afterwards, also after a failure. */
  async #receive(
    { head, content, check, onDurable }: Append,
    maxSize: number,
  ): Promise<{ trailer: FieldLines; computed: Digests }> {
    const start = this.#stored.size;
    const whole = start === 0 ? this.#stagingAlgorithms() : [];
    const digester = await createStreamDigester([...(check?.algorithms ?? []), ...whole], head.size);
    let trailer = FieldLines.empty;
    try {
      const body = new IncomingContent(digester, await this.#stored.append(), (durable) => {
        if (check === undefined) onDurable(durable);
        this.#changed(durable);
      });
      body.on("error", () => {});
      const reading = readBody({ head, content }, body, {
        onTrailers(received) {
          trailer = trailerPolicy.filter(received, { declared: head.header.list("Trailer") });
        },
        maxSize,
        idleTimeout: timeLimit("idleTimeout", this.#settings.idleTimeout, 60_000),
        signal: this.#signal,
        keepsPart: true,
      });
      const [read] = await Promise.allSettled([reading, finished(body)]);
      if (body.errored) throw body.errored;
      const computed = await digester.digest();
      // Incomplete content has digests too.
      if (start === 0 && computed.size === this.#stored.size) this.#record = { ...this.#record, digests: computed };
      if (read.status === "rejected") throw read.reason;
      return { trailer, computed };
    } finally {
      digester.close();
    }
  }

  /** Records what is there after an append. What was to be checked and did not verify is cut off. */
  async #settle(start: number, checked: Verdict | "unchecked" | undefined): Promise<void> {
    if (this.#discarded) return;
    const kept = checked === "unchecked" || checked?.name === "verified";
    if (!kept) await this.#stored.truncate(start);
    const { digests, checked: before } = this.#record;
    // A part is as strong as its strongest checksum, and the whole as its weakest part.
    const parts = [checked !== "unchecked" && checked?.name === "verified" ? checked.algorithms[0] : undefined];
    if (start > 0) parts.push(before?.size === start ? before.algorithm : undefined);
    const known = parts.filter((algorithm) => algorithm !== undefined);
    const algorithm = known.length === parts.length ? weakestAlgorithm(known) : undefined;
    await this.#describe({
      state: "open",
      digests: digests?.size === this.#stored.size ? digests : undefined,
      checked: algorithm === undefined ? before : { size: this.#stored.size, algorithm },
    });
  }

  /** What to compute of content as it arrives: what the creation demands, asks for, or what a sender computes by default. */
  #stagingAlgorithms(): Algorithm[] {
    const { algorithms } = this.#settings;
    const header = FieldLines.from(this.#record.header);
    const wanted = algorithmsWanted(header);
    const likely = [...algorithmsInHeader(header), ...(wanted.length > 0 ? wanted : (["md5"] as const))];
    return [...likely.filter((algorithm) => algorithms?.includes(algorithm) !== false), "sha-256"];
  }

  /** The digests of the content: those that were computed while it arrived; it is read again for those that were not. */
  async #digests(needed: readonly Algorithm[]): Promise<Digests> {
    const { digests } = this.#record;
    const known = digests?.size === this.#stored.size ? digests : { size: this.#stored.size, values: new Map() };
    const missing = needed.filter((algorithm) => !known.values.has(algorithm));
    if (missing.length === 0) return known;
    const digester = await createStreamDigester(missing, known.size);
    try {
      for await (const piece of this.#stored.read()) await digester.update(piece as Buffer);
      const computed = await digester.digest();
      const all = { size: computed.size, values: new Map([...known.values, ...computed.values]) };
      await this.#describe({ digests: all });
      return all;
    } finally {
      digester.close();
    }
  }

  async #describe(changes: Partial<UploadRecord>): Promise<void> {
    if (this.#discarded) return;
    const record = { ...this.#record, ...changes, expires: this.#settings.expiry(changes.state) };
    await this.#stored.describe(formatRecord(record));
    this.#record = record;
    this.#changed();
  }

  #changed(size = this.#stored.size): void {
    this.#settings.onChange({ ...this.#record, size });
  }
}

/** The position that content may reach, and why no other. */
interface Bound {
  readonly end: number;
  readonly by: "length" | "maxSize" | "room";
}

function boundError({ end, by }: Bound): TrailsumError {
  switch (by) {
    case "length":
      return inconsistentLength(`the upload has ${end} bytes: the content goes beyond that`);
    case "maxSize":
      return tooLarge(end);
    case "room":
      return new TrailsumError("NO_SPACE", "too many unfinished uploads: try again later", {
        retryAfter: 60_000,
      });
  }
}

const trailerPolicy = createTrailerPolicy({ select: "all" });
