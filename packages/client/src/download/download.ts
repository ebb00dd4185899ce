import {
  type Algorithm,
  FieldLines,
  formatWantDigest,
  isAlgorithm,
  type Requirement,
  TrailsumError,
  type Verdict,
  verdictError,
} from "@trailsum/shared";
import { type Dispatcher, request } from "undici";

import { ArrivedContent, contentLength } from "./arrived-content.ts";
import { chosenAlgorithms } from "../transfer/chosen-algorithms.ts";
import { defaultDispatcher } from "../transfer/default-dispatcher.ts";
import { type DownloadDestination, openDestination } from "./download-destination.ts";
import type { Progress } from "../transfer/progress.ts";
import { followRedirects, type Hop, isForOneOrigin, Redirect, redirection } from "../transfer/redirects.ts";
import { refusal } from "../transfer/refusal.ts";
import { type FieldsInit, rawFields } from "../dispatcher/request-fields.ts";
import { responseFields } from "../transfer/response-fields.ts";
import { withRetries } from "../transfer/retry.ts";
import { targetUrl } from "../transfer/target-url.ts";
import { transportError } from "../transfer/transport-error.ts";
import { userAgent } from "../transfer/user-agent.ts";

/** Options of {@link download}. */
export interface DownloadOptions {
  /** Algorithms to ask for and to compute, beside md5, which is always computed. */
  readonly digests?: readonly Algorithm[];
  /** Whether content without any digest is kept; the verdict says so. Default true. */
  readonly allowUnverified?: boolean;
  /**
   * What the content must be verified by: fields such as `Size`, or `sha-256` for a digest that is at least as strong.
   * Content that does not meet it is not kept (`DIGEST_MISSING`).
   * @default none
   */
  readonly require?: readonly Requirement[];
  /** Further header fields of the request. */
  readonly headers?: FieldsInit;
  /** Cancels the download: it then rejects with `ABORTED`. */
  readonly signal?: AbortSignal;
  /** Called after each piece that was written. */
  readonly onProgress?: (progress: Progress) => void;
  /** The dispatcher that sends the request: any undici `Dispatcher`. Default: a `TrailerAgent`. */
  readonly dispatcher?: Dispatcher;
  /**
   * How often a failed download is tried again: into a file always, into a stream as long as nothing was written to it.
   * One that broke off goes on where it was, when the server gave a strong `ETag` to go by and nothing to verify by is
   * lost with it; otherwise it begins anew. Pauses grow from half a second
   * to 30 seconds, and last as long as a server asks for in `Retry-After`, up to two minutes. Default 0.
   */
  readonly retries?: number;
}

/** What a download came to. */
export interface DownloadResult {
  /** Where it came from, after redirects. Its query is complete, and may be secret. */
  readonly url: string;
  readonly status: number;
  /** `verified`, or `unverified` where that is allowed; with what was computed. */
  readonly verdict: Verdict;
  readonly headers: FieldLines;
  readonly trailers: FieldLines;
}

/**
 * Downloads `url` to a destination and hashes what arrives. The content becomes visible only after it was compared with
 * the digests in the trailers and in the header of the response.
 *
 * Rejects with a `TrailsumError`: `DIGEST_*` or `SIZE_MISMATCHED` for content that is not what it should be;
 * `CONNECT_FAILED`, `CONNECTION_LOST`, `TIMEOUT`, `PROTOCOL`, `UNTRUSTED_CERTIFICATE`; `REFUSED` with the status of an
 * answer other than a success; `FILE_UNWRITABLE`, `NO_SPACE`; `USAGE`; `ABORTED`. Nothing is kept then.
 *
 * Redirects are followed up to five times. Credentials and `Host` are not sent any more once one has left the origin, and
 * none leads from https to http.
 */
export async function download(
  url: string | URL,
  destination: DownloadDestination,
  options: DownloadOptions = {},
): Promise<DownloadResult> {
  const target = targetUrl(url);
  const required = (options.require ?? []).filter((requirement) => isAlgorithm(requirement));
  const wanted = chosenAlgorithms([...(options.digests ?? []), ...required]);
  const opened = await openDestination(destination, options.signal).catch((error: unknown) => {
    throw options.signal?.aborted === true ? cancelled(error) : error;
  });
  const arrived = new ArrivedContent(opened, wanted, options.require);
  try {
    const { retries = 0, signal } = options;
    // What was written to a stream cannot be undone.
    const repeatable = (): boolean => opened.rewritable || !arrived.written;
    const result = await withRetries({ retries, repeatable, signal }, () =>
      followRedirects({ url: target, trusted: true }, (hop) => fetchInto(arrived, hop, options)),
    );
    await opened.commit();
    return result;
  } catch (error) {
    const aborted = options.signal?.aborted === true;
    const failure = aborted ? cancelled(error) : TrailsumError.from(error);
    await opened.discard(failure);
    throw failure;
  } finally {
    arrived.forget();
  }
}

function cancelled(cause: unknown): TrailsumError {
  return new TrailsumError("ABORTED", "the download was cancelled", { cause });
}

/** The statuses of redirects that a GET follows (RFC 9110 section 15.4). */
const REDIRECTS = [301, 302, 303, 307, 308];

/** One attempt at one URL: what the download came to, or where it is sent on to. */
async function fetchInto(
  arrived: ArrivedContent,
  hop: Hop,
  options: DownloadOptions,
): Promise<DownloadResult | Redirect> {
  const { url, trusted } = hop;
  const given = FieldLines.fromRaw(rawFields(options.headers)).without((name) => !trusted && isForOneOrigin(name));
  // A range that the caller asks for is all there is to come: then nothing is continued.
  const ownRange = given.has("Range");
  const continued = !ownRange && arrived.isContinuable(url);
  try {
    const response = await request(url, {
      dispatcher: options.dispatcher ?? defaultDispatcher(),
      headers: downloadFields(arrived.wanted, given, continued ? arrived.range : []),
      signal: options.signal ?? null,
    });
    try {
      const { statusCode: status } = response;
      const headers = responseFields(response.headers);
      const elsewhere = redirection(url, status, headers, REDIRECTS);
      if (elsewhere !== undefined) {
        await response.body.dump();
        return new Redirect(elsewhere);
      }
      if (continued && status === 206) arrived.checkContinues(headers);
      else if (status === 200 || (ownRange && status === 206)) await arrived.begin(url, headers, status);
      // There is nothing after what arrived: perhaps all of it had arrived, and only its end was lost.
      else if (continued && status === 416) return await startAnew();
      else throw await refusal(url, { status: response.statusCode, headers, content: response.body });

      await receive(response.body, arrived, headers, options.onProgress);
      const trailers = responseFields(response.trailers);
      const verdict = await arrived.verdict(headers, trailers);
      if (!isAcceptable(verdict, options)) throw verdictError(verdict);
      return { url: url.href, status, verdict, headers, trailers };
    } finally {
      response.body.on("error", () => {}).destroy();
    }
  } catch (error) {
    throw transportError(error, url);
  }

  function startAnew(): Promise<DownloadResult | Redirect> {
    arrived.forget();
    return fetchInto(arrived, hop, options);
  }
}

function downloadFields(wanted: readonly Algorithm[], given: FieldLines, range: readonly string[]): string[] {
  const want = formatWantDigest(wanted);
  const own = FieldLines.from([
    ["User-Agent", userAgent],
    ["TE", "trailers"],
    ["Want-Repr-Digest", want],
    ["Want-Content-Digest", want],
  ]);
  return [...own.without((name) => given.has(name)).raw, ...given.raw, ...range];
}

async function receive(
  body: AsyncIterable<Uint8Array>,
  arrived: ArrivedContent,
  headers: FieldLines,
  onProgress: DownloadOptions["onProgress"],
): Promise<void> {
  const length = contentLength(headers);
  const total = length === undefined ? undefined : arrived.size + length;
  for await (const chunk of body) {
    await arrived.add(chunk);
    onProgress?.({ transferred: arrived.size, total });
  }
}

function isAcceptable({ name }: Verdict, { allowUnverified = true }: DownloadOptions): boolean {
  return name === "verified" || (name === "unverified" && allowUnverified);
}
