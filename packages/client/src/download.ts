import {
  algorithms,
  type Algorithm,
  algorithmsToCompute,
  createDigester,
  decideVerdict,
  type Digester,
  FieldLines,
  formatWantDigest,
  TrailsumError,
  type Verdict,
  verdictError,
} from "@trailsum/shared";
import { type Dispatcher, interceptors, request } from "undici";

import { defaultDispatcher } from "./default-dispatcher.ts";
import { type DownloadDestination, openDestination, type OpenedDestination } from "./download-destination.ts";
import type { Progress } from "./progress.ts";
import { refusal } from "./refusal.ts";
import { type FieldsInit, rawFields } from "./request-fields.ts";
import { responseFields } from "./response-fields.ts";
import { withRetries } from "./retry.ts";
import { targetUrl } from "./target-url.ts";
import { transportError } from "./transport-error.ts";
import { userAgent } from "./user-agent.ts";

/** Options of {@link download}. */
export interface DownloadOptions {
  /** Algorithms to ask for and to compute, beside md5, which is always computed. */
  readonly digests?: readonly Algorithm[];
  /** Whether content that nothing came to verify by is kept. Default true; it is told in the result. */
  readonly allowUnverified?: boolean;
  /** Further header fields of the request. */
  readonly headers?: FieldsInit;
  /** Cancels the download: it then rejects with `ABORTED`. */
  readonly signal?: AbortSignal;
  /** Told after each piece that was written. */
  readonly onProgress?: (progress: Progress) => void;
  /** What sends the request: any undici `Dispatcher`. Default: a `TrailerAgent`. */
  readonly dispatcher?: Dispatcher;
  /**
   * How often a failed download into a file is tried again. One that broke off goes on where it was, when the server
   * gave a strong `ETag` to go by; otherwise it begins anew. Default 0.
   */
  readonly retries?: number;
}

/** What a download came to. */
export interface DownloadResult {
  /** Where it was asked for. */
  readonly url: string;
  readonly status: number;
  /** `verified`, or `unverified` where that is allowed; with what was computed. */
  readonly verdict: Verdict;
  readonly headers: FieldLines;
  readonly trailers: FieldLines;
}

/**
 * Downloads `url` to a destination, hashing what arrives, and lets it be seen only after it was compared with the
 * digests in the trailers and in the header of the response.
 *
 * Rejects with a `TrailsumError`: `DIGEST_*` or `SIZE_MISMATCHED` for content that is not what it should be;
 * `CONNECT_FAILED`, `CONNECTION_LOST`, `TIMEOUT`, `PROTOCOL`, `UNTRUSTED_CERTIFICATE`; `REFUSED` with the status of an
 * answer other than a success; `FILE_UNWRITABLE`, `NO_SPACE`; `USAGE`; `ABORTED`. Nothing is kept then.
 */
export async function download(
  url: string | URL,
  destination: DownloadDestination,
  options: DownloadOptions = {},
): Promise<DownloadResult> {
  const target = targetUrl(url);
  const opened = await openDestination(destination);
  const transfer = new Download(target, opened, options);
  try {
    const result = await withRetries(opened.rewritable ? (options.retries ?? 0) : 0, options.signal, () =>
      transfer.attempt(),
    );
    await opened.commit();
    return result;
  } catch (error) {
    const aborted = options.signal?.aborted === true;
    const failure = aborted
      ? new TrailsumError("ABORTED", "the download was cancelled", { cause: error })
      : TrailsumError.from(error);
    await opened.discard(failure);
    throw failure;
  }
}

/** What has arrived in earlier attempts, and by what it may be continued. */
interface Arrived {
  readonly digester: Digester;
  /** A strong entity tag (RFC 9110 section 8.8.3): only it says that the bytes are the same. */
  readonly etag: string | undefined;
  readonly header: FieldLines;
}

class Download {
  readonly #url: URL;
  readonly #destination: OpenedDestination;
  readonly #options: DownloadOptions;
  readonly #wanted: readonly Algorithm[];
  #arrived: Arrived | undefined;

  constructor(url: URL, destination: OpenedDestination, options: DownloadOptions) {
    this.#url = url;
    this.#destination = destination;
    this.#options = options;
    this.#wanted = [...new Set<Algorithm>(["md5", ...(options.digests ?? [])])];
  }

  async attempt(): Promise<DownloadResult> {
    try {
      return await this.#fetch();
    } catch (error) {
      throw transportError(error, this.#url);
    }
  }

  async #fetch(): Promise<DownloadResult> {
    const dispatcher = this.#options.dispatcher ?? defaultDispatcher();
    const response = await request(this.#url, {
      dispatcher: dispatcher.compose(interceptors.redirect({ maxRedirections: 5 })),
      headers: this.#requestFields(),
      signal: this.#options.signal ?? null,
    });
    const { statusCode: status, body } = response;
    const header = responseFields(response.headers);
    const resumed = status === 206 && this.#continues(header);
    const part = status === 206 && !resumed && this.#asksForPart;
    if (status !== 200 && !resumed && !part) throw await refusal(this.#url, response, header);

    if (!resumed) await this.#begin(header);
    const { digester } = this.#arrived!;
    const total = contentTotal(header, digester.size);
    for await (const chunk of body as AsyncIterable<Buffer>) {
      digester.update(chunk);
      await this.#destination.write(chunk);
      this.#options.onProgress?.({ transferred: digester.size, total });
    }
    const trailers = responseFields(response.trailers);
    const verdict = resumed
      ? this.#verdictOfResumed(header, trailers)
      : decideVerdict({ header, trailer: trailers, computed: digester.digest(), content: part ? "part" : "whole" });
    if (!(verdict.name === "verified" || (verdict.name === "unverified" && this.#options.allowUnverified !== false))) {
      // What was damaged cannot be continued: another attempt begins anew.
      this.#arrived = undefined;
      throw verdictError(verdict);
    }
    return { url: this.#url.href, status, verdict, headers: header, trailers };
  }

  #requestFields(): string[] {
    const want = formatWantDigest(this.#wanted);
    const own = FieldLines.from([
      ["User-Agent", userAgent],
      ["TE", "trailers"],
      ["Want-Repr-Digest", want],
      ["Want-Content-Digest", want],
    ]);
    const further = FieldLines.fromRaw(rawFields(this.#options.headers));
    const fields = [...own.without((name) => further.has(name)).raw, ...further.raw];
    const { etag, digester } = this.#arrived ?? {};
    if (etag !== undefined && digester !== undefined && digester.size > 0 && !this.#asksForPart) {
      fields.push("Range", `bytes=${digester.size}-`, "If-Range", etag);
    }
    return fields;
  }

  /** A whole representation comes: what arrived before is of no use. */
  async #begin(header: FieldLines): Promise<void> {
    if (this.#arrived !== undefined) await this.#destination.restart();
    const expected = { header, trailersPossible: header.has("Transfer-Encoding") || !header.has("Content-Length") };
    const compute = new Set([...this.#wanted, ...algorithmsToCompute(expected, algorithms)]);
    const etag = header.get("ETag");
    this.#arrived = {
      digester: await createDigester(compute),
      etag: etag !== undefined && /^"[^"]*"$/.test(etag) ? etag : undefined,
      header,
    };
  }

  /** Whether a 206 holds just what lacks (RFC 9110 section 14.4). */
  #continues(header: FieldLines): boolean {
    const start = /^bytes (\d+)-/.exec(header.get("Content-Range") ?? "")?.[1];
    return this.#arrived !== undefined && Number(start) === this.#arrived.digester.size;
  }

  /** Whether the caller asked for a range of its own: then a part is all there is to come. */
  get #asksForPart(): boolean {
    return FieldLines.fromRaw(rawFields(this.#options.headers)).has("Range");
  }

  /** Of a continued download only what speaks of the whole representation counts: its parts had digests of their own. */
  #verdictOfResumed(header: FieldLines, trailer: FieldLines): Verdict {
    const ofWhole = (fields: FieldLines): FieldLines => fields.without((name) => name.toLowerCase() !== "repr-digest");
    return decideVerdict({
      header: FieldLines.from([...ofWhole(this.#arrived!.header), ...ofWhole(header)]),
      trailer: ofWhole(trailer),
      computed: this.#arrived!.digester.digest(),
    });
  }
}

/** How many bytes there will be in all, where the header says. */
function contentTotal(header: FieldLines, before: number): number | undefined {
  const length = header.get("Content-Length");
  return length === undefined ? undefined : before + Number(length);
}
