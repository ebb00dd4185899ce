import {
  allAlgorithms,
  type Algorithm,
  type FieldLines,
  isAlgorithm,
  parseAlgorithm,
  type Requirement,
  TrailsumError,
  type Verdict,
} from "@trailsum/shared";
import type { Dispatcher } from "undici";

import { ArrivedContent, type Expectations } from "./arrived-content.ts";
import { type Checksum, expectedDigests } from "../transfer/checksum.ts";
import { cutReason } from "./cut-reason.ts";
import { type DownloadDestination, openDestination } from "./download-destination.ts";
import { fetchingOf, fetchInto } from "./fetch-into.ts";
import type { Progress } from "../transfer/progress.ts";
import type { RateLimit } from "../transfer/rate-limit.ts";
import { followRedirects } from "../transfer/redirects.ts";
import type { FieldsInit } from "../dispatcher/request-fields.ts";
import { downloadOutcome } from "./download-event.ts";
import { unchangedFile } from "./unchanged-file.ts";
import { observeTransfer } from "../transfer/observe-transfer.ts";
import { withRetries } from "../transfer/retry.ts";
import { targetUrl } from "../transfer/target-url.ts";

/** Options of {@link download}. */
export interface DownloadOptions {
  /**
   * Algorithms to compute besides those that it takes to verify what comes, and to ask the server for before any other.
   * @default none
   */
  readonly algorithms?: readonly Algorithm[] | undefined;
  /**
   * Whether md5 is asked for, and digests of md5 are checked. Without it the content has to come with another digest.
   * @default true
   */
  readonly md5?: boolean | undefined;
  /** Whether content without any digest is kept; the verdict says so. Default true. */
  readonly allowUnverified?: boolean;
  /**
   * What the content must be verified by: fields such as `Size`, or `sha-256` for a digest that is at least as strong.
   * Content that does not meet it is not kept (`DIGEST_MISSING`).
   * @default none
   */
  readonly require?: readonly Requirement[];
  /**
   * Digests that the content must have, by algorithm: hexadecimal digits or bytes. They count for more than anything that
   * the server says: content that has them is `verified`, content that does not is not kept (`DIGEST_MISMATCHED`).
   * @default none
   */
  readonly checksum?: Checksum;
  /**
   * Whether to continue a download to the same file that an earlier run was interrupted in, and to keep what this one
   * leaves if it is interrupted: in hidden files beside the destination. What is there is hashed again. It is continued
   * only under the strong `ETag` that it began with; otherwise the download starts again. `USAGE` for a destination that
   * is not a file.
   * @default false
   */
  readonly continue?: boolean;
  /**
   * How many ranges of a large file are fetched at a time. A server without ranges or without a strong `ETag`, and a
   * destination that is not a file, get one request for the whole object.
   * @default 1
   */
  readonly jobs?: number;
  /**
   * The size of each such range, in bytes.
   * @default 16777216
   */
  readonly rangeSize?: number;
  /**
   * The most bytes per second, or a limit that several transfers share ({@link createRateLimit}).
   * @default no limit
   */
  readonly limitRate?: number | RateLimit;
  /**
   * Whether to leave a file alone that is what the server has: it is hashed, and compared with the digests in the answer
   * to a HEAD. A server that says no digest, and a destination that is not a file, get the download as usual.
   * @default false
   */
  readonly skipUnchanged?: boolean;
  /** Further header fields of the request. */
  readonly headers?: FieldsInit;
  /** Cancels the download: it then rejects with `ABORTED`. */
  readonly signal?: AbortSignal;
  /** Called after each piece that was written or hashed, and when another phase begins. */
  readonly onProgress?: (progress: Progress) => void;
  /** The dispatcher that sends the request: any undici `Dispatcher`. Default: a `TrailerAgent`. */
  readonly dispatcher?: Dispatcher;
  /**
   * How often a failed download is tried again: into a file always, into a stream as long as nothing was written to it.
   * An interrupted download continues where it stopped if the server sent a strong `ETag` and the content can still be
   * verified; otherwise it starts again. Pauses grow from half a second
   * to 30 seconds, and last as long as a server asks for in `Retry-After`, up to two minutes. Default 0.
   */
  readonly retries?: number;
}

/** What a download came to. */
export interface DownloadResult {
  /** Where it came from, after redirects. Its query is complete, and may be secret. */
  readonly url: string;
  /** The status of the final response: 200, or 206 where a download was continued. */
  readonly status: number;
  /** `verified`, or `unverified` where that is allowed; with what was computed. */
  readonly verdict: Verdict;
  /** The header fields of the final response. */
  readonly headers: FieldLines;
  /** Its trailer fields, with which the header is never merged. */
  readonly trailers: FieldLines;
  /** Whether nothing was downloaded, because the file was what the server has. */
  readonly unchanged: boolean;
}

/**
 * Downloads `url` to a destination and hashes what arrives. The content becomes visible only after it was compared with
 * the digests in the trailers and in the header of the response.
 *
 * Redirects are followed up to five times. Credentials and `Host` are not sent any more once one has left the origin, and
 * none leads from https to http.
 *
 * @throws `TrailsumError`: `DIGEST_*` or `SIZE_MISMATCHED` for content that is not what it should be;
 * `CONNECT_FAILED`, `CONNECTION_LOST`, `TIMEOUT`, `PROTOCOL`, `UNTRUSTED_CERTIFICATE`; `REFUSED` with the status of an
 * answer other than a success; `FILE_UNWRITABLE`, `NO_SPACE`; `USAGE`; `ABORTED`. Nothing is kept then.
 *
 * @example
 * ```ts
 * import { download } from "@trailsum/client";
 *
 * const { verdict } = await download("https://files.example/backup.tar", "backup.tar", { allowUnverified: false });
 * ```
 */
export function download(
  url: string | URL,
  destination: DownloadDestination,
  options: DownloadOptions = {},
): Promise<DownloadResult> {
  return observeTransfer("download", url, {
    run: () => receive(url, destination, options),
    outcomeOf: downloadOutcome,
  });
}

async function receive(
  url: string | URL,
  destination: DownloadDestination,
  options: DownloadOptions,
): Promise<DownloadResult> {
  const target = targetUrl(url);
  const { retries = 0, signal } = options;
  const checksum = expectedDigests(options.checksum);
  const required = (options.require ?? []).filter((requirement) => isAlgorithm(requirement));
  const expectations = {
    target,
    wanted: [...new Set([...(options.algorithms ?? []).map((name) => parseAlgorithm(name)), ...required])],
    supported: options.md5 === false ? allAlgorithms.filter((name) => name !== "md5") : allAlgorithms,
    require: options.require ?? [],
    checksum,
  };
  const fetching = fetchingOf(options);
  const { progress } = fetching;
  const there =
    options.skipUnchanged === true ? await unchangedFile(destination, expectations, options, progress) : undefined;
  if (there !== undefined) return there;
  const arrived = await openArrivedContent(destination, options, expectations);
  try {
    await arrived.restore(progress);
    // What was written to a stream cannot be undone.
    const repeatable = (): boolean => arrived.destination.rewritable || !arrived.written;
    const result = await withRetries({ retries, repeatable, signal, onRetry: () => progress.enter("retrying") }, () =>
      followRedirects({ url: target, trusted: true }, (hop) => fetchInto(arrived, hop, fetching)),
    );
    await arrived.destination.commit();
    return result;
  } catch (error) {
    const failure =
      signal?.aborted === true ? cancelled(error) : await cutReason(TrailsumError.from(error), arrived, fetching);
    await arrived.destination.discard(failure);
    throw failure;
  } finally {
    arrived.forget();
  }
}

async function openArrivedContent(
  destination: DownloadDestination,
  options: DownloadOptions,
  expectations: Expectations,
): Promise<ArrivedContent> {
  const { continue: continued = false, signal } = options;
  const opened = await openDestination(destination, { signal, continued }).catch((error: unknown) => {
    throw signal?.aborted === true ? cancelled(error) : error;
  });
  return new ArrivedContent(opened, expectations);
}

function cancelled(cause: unknown): TrailsumError {
  return new TrailsumError("ABORTED", "the download was cancelled", { cause });
}
