import { isUtf8 } from "node:buffer";
import { fileURLToPathBuffer } from "node:url";

import { TrailsumError } from "@trailsum/shared";
import { isUrl } from "@trailsum/shared/streams";
import type { Dispatcher } from "undici";

import { deliver, type Delivered } from "./delivery/deliver.ts";
import type { DeliveryChoice } from "./delivery/delivery-mode.ts";
import { type PathKnowledge, pathsOf } from "./delivery/path-knowledge.ts";
import { type Checksum, expectedDigests } from "../transfer/checksum.ts";
import { chosenAlgorithms, type DigestOptions } from "../transfer/chosen-algorithms.ts";
import { defaultDispatcher } from "../transfer/default-dispatcher.ts";
import { type Progress, ProgressReport } from "../transfer/progress.ts";
import { type RateLimit, rateLimitOf } from "../transfer/rate-limit.ts";
import { followRedirects } from "../transfer/redirects.ts";
import type { FieldsInit } from "../dispatcher/request-fields.ts";
import { observeTransfer } from "../transfer/observe-transfer.ts";
import { withRetries } from "../transfer/retry.ts";
import { targetUrl } from "../transfer/target-url.ts";
import { checkedSource } from "./source/checked-source.ts";
import type { OpenedSource } from "./source/opened-source.ts";
import { type Resumption, resumptionInFiles, resumptionInMemory } from "./resume/resumption.ts";
import { defaultStateDirectory } from "./resume/upload-state.ts";
import { checkSigning, type UploadSigning } from "./signing.ts";
import { shortPipe } from "./source/short-pipe.ts";
import { unchangedUpload } from "./unchanged-upload.ts";
import { uploadOutcome } from "./upload-event.ts";
import { openSource, type UploadSource } from "./source/upload-source.ts";

/** Options of {@link upload}. */
export interface UploadOptions extends DigestOptions {
  /** Default `PUT`. */
  readonly method?: "PUT" | "POST";
  /**
   * Digests that the source must have, by algorithm: hexadecimal digits or bytes. An upload of one that does not is cut
   * off, so that nothing is stored (`DIGEST_MISMATCHED`).
   * @default none
   */
  readonly checksum?: Checksum;
  /**
   * Whether to continue the upload of the same version of the same file to the same URL that an earlier run was
   * interrupted in. What the server has is read and hashed again; a file that has changed is sent from the beginning. It takes a file
   * larger than 64 KiB, and a server with upload resources. `USAGE` for a source that is not a file.
   * @default false
   */
  readonly continue?: boolean;
  /**
   * The directory in which it is kept where to continue.
   * @default $XDG_STATE_HOME/trailsum/uploads, or ~/.local/state/trailsum/uploads
   */
  readonly stateDirectory?: string;
  /**
   * The most bytes of content per second, or a limit that several transfers share ({@link createRateLimit}).
   * @default no limit
   */
  readonly limitRate?: number | RateLimit;
  /**
   * Whether to send nothing if the server has the content already: the source is hashed, and compared with the digests in
   * the answer to a HEAD. A server that says no digest, and a source that can be read only once, get the upload as usual.
   * @default false
   */
  readonly skipUnchanged?: boolean;
  /** Further header fields. */
  readonly headers?: FieldsInit;
  /**
   * Signs the upload (RFC 9421), for servers that accept only what a known key has signed: the digests with the method, the
   * path and the content type. The signature goes where the digests go; an upload that cannot be signed is not sent. `USAGE`
   * for a public key, without a sha-256 or sha-512 digest, and for `headers` with a signature.
   * @default not signed
   */
  readonly sign?: UploadSigning | undefined;
  /** Cancels the upload: it then rejects with `ABORTED`. */
  readonly signal?: AbortSignal;
  /** Called after each piece that was handed to the connection or hashed, and when another phase begins. */
  readonly onProgress?: (progress: Progress) => void;
  /** The dispatcher that sends the request. It must send trailers: a `TrailerAgent`, or one composed from it. */
  readonly dispatcher?: Dispatcher;
  /**
   * How often a failed upload is begun again, when the source can be read again and the failure may pass: no connection,
   * a lost one, a timeout, 408, 425, 429, 502, 503, 504, or content that was damaged on the way. Pauses grow from half a
   * second to 30 seconds, and last as long as a server asks for in `Retry-After`, up to two minutes. A kept connection
   * that the server closes without a response is not a failure: the request is sent on a new one, even without retries. Default 0.
   */
  readonly retries?: number;
  /**
   * How the digests reach the server. `auto` begins with `trailers` unless the path is known to lose them: what can be
   * read again is then sent otherwise, and what a trailsum server has kept is completed by a second request. A source that
   * can be read once goes out only after a question with a trailer has shown what the path does to trailers, if the server
   * answers it. `header` reads the source twice. `two-step` needs a server with upload resources
   * (draft-ietf-httpbis-resumable-upload); nothing is sent to one that does not say that it has them.
   * @default "auto"
   */
  readonly delivery?: DeliveryChoice;
  /**
   * What is known of the paths to origins, and where it is remembered.
   * @default the knowledge of this process for the dispatcher
   */
  readonly paths?: PathKnowledge;
}

/** The result of an upload. */
export interface UploadResult extends Delivered {
  /** Whether nothing was sent, because the server has the content already. */
  readonly unchanged: boolean;
}

/**
 * Streams a source to `url`, hashes it on the way, and sends its digests after it as trailers: `Md5`, `Size` and
 * `Content-Digest`, declared in `Trailer`; or in another way where the path loses trailers. Resolves when the server has accepted it and does not report other content.
 *
 * Redirects are followed up to five times. 301, 302, 307 and 308 have the content sent again to where they point, which
 * needs a source that can be read again; a POST that is answered 301 or 302 is `REFUSED`, since it would become a GET.
 * 303 after all content and trailers were sent means that the upload was accepted (RFC 9110 section 15.4.4): the
 * result is the answer to a GET of where it points, if that is a success. It is confirmed only by a receipt there or by
 * the digests of what was sent. Credentials and `Host` are not sent any more once a redirect has left the origin, and no redirect leads from https to http.
 *
 * @throws `TrailsumError`: `CONNECT_FAILED`, `CONNECTION_LOST`, `TIMEOUT`, `PROTOCOL`, `UNTRUSTED_CERTIFICATE`;
 * `REFUSED` with the status of an answer that has nothing to do with integrity; `DIGEST_*` or `SIZE_MISMATCHED` if
 * the server found the content wrong or unverifiable, or reports that it stored other content; `PROTOCOL` if it reports that it
 * stored it under another path, as after a bit of the request target was changed on the way; `FILE_UNREADABLE` or
 * `FILE_CHANGED`; `USAGE`; `ABORTED`. The message is cut off, and never completed, when the source fails. A stream or an
 * iterable is released in every case: destroyed, cancelled or returned.
 *
 * @example
 * ```ts
 * import { upload } from "@trailsum/client";
 *
 * const { status, confirmedBy } = await upload("https://files.example/backup.tar", "backup.tar", { retries: 3 });
 * ```
 */
export function upload(url: string | URL, given: UploadSource, options: UploadOptions = {}): Promise<UploadResult> {
  return observeTransfer("upload", url, { run: () => send(url, given, options), outcomeOf: uploadOutcome });
}

async function send(url: string | URL, given: UploadSource, options: UploadOptions): Promise<UploadResult> {
  const target = targetUrl(url);
  const { retries = 0, signal, delivery = "auto" } = options;
  const dispatcher = options.dispatcher ?? defaultDispatcher();
  const paths = options.paths ?? pathsOf(dispatcher);
  const algorithms = chosenAlgorithms(options);
  const { sign } = options;
  if (sign !== undefined) checkSigning(sign, { algorithms, headers: options.headers });
  const checksum = expectedDigests(options.checksum);
  const limit = rateLimitOf(options.limitRate);
  const progress = new ProgressReport(options.onProgress);
  const opened = await openSource(given, signal).catch((error: unknown) => {
    throw signal?.aborted === true ? cancelled(error) : error;
  });
  try {
    // Nothing has to be known of the path for content that is short and can be sent again.
    const mayBeShort = delivery === "auto" && options.continue !== true && paths.get(target.origin) !== "kept";
    const begun = mayBeShort && !opened.rereadable ? await shortPipe(opened, signal) : opened;
    const source = checksum.size > 0 ? await checkedSource(begun, checksum) : begun;
    const { headers, skipUnchanged = false } = options;
    const there = skipUnchanged
      ? await unchangedUpload(source, target, { algorithms, dispatcher, headers, signal, progress })
      : undefined;
    if (there !== undefined) return there;
    const resumption = await resumptionOf(given, source, target, options);
    const delivering = {
      source,
      method: options.method ?? "PUT",
      algorithms,
      headers,
      dispatcher,
      ownDispatcher: options.dispatcher === undefined,
      retries,
      signal,
      progress,
      limit,
      signing: sign,
      resumption,
    };
    const delivered = await withRetries(
      { retries, repeatable: () => source.rereadable, signal, onRetry: () => progress.enter("retrying") },
      () =>
        resuming(resumption, () =>
          followRedirects({ url: target, trusted: true }, (hop) => deliver({ ...delivering, hop }, delivery, paths)),
        ),
    );
    return { ...delivered, unchanged: false };
  } finally {
    await opened.close();
  }
}

/** Smaller sources are sent again from their start, if the caller does not ask for more. Bytes. */
const WORTH_RESUMING = 8 * 1024 * 1024;

/** Where it is noted how to continue; undefined for an upload that is not worth it. */
async function resumptionOf(
  given: UploadSource,
  { rereadable, size = 0, version, whole }: OpenedSource,
  target: URL,
  { continue: continued = false, retries = 0, stateDirectory, delivery = "auto" }: UploadOptions,
): Promise<Resumption | undefined> {
  if (delivery === "trailers" || delivery === "header") {
    if (!continued) return undefined;
    throw new TrailsumError(
      "USAGE",
      `an upload delivered by "${delivery}" cannot be continued: use "auto" or "two-step"`,
    );
  }
  const path = isUrl(given) ? pathText(given) : given;
  if (continued && (typeof path !== "string" || !rereadable))
    throw new TrailsumError("USAGE", "only the upload of a file can be continued");
  if (whole !== undefined) return undefined;
  if (continued && typeof path === "string" && version !== undefined)
    return resumptionInFiles(stateDirectory ?? defaultStateDirectory(), { path, version }, target);
  return retries > 0 && rereadable && size >= WORTH_RESUMING ? resumptionInMemory() : undefined;
}

/** The path in a `file:` URL as printable text, even if it is not UTF-8. */
function pathText(url: URL): string {
  const path = fileURLToPathBuffer(url);
  return path.toString(isUtf8(path) ? "utf8" : "latin1");
}

/** Runs an attempt. After a success, and for content that was refused, there is nothing to be continued. */
async function resuming<T>(resumption: Resumption | undefined, attempt: () => Promise<T>): Promise<T> {
  try {
    const result = await attempt();
    await resumption?.forget();
    return result;
  } catch (error) {
    if (error instanceof TrailsumError && [6, 7].includes(error.meaning.exit)) await resumption?.forget();
    await resumption?.settled();
    throw error;
  }
}

function cancelled(cause: unknown): TrailsumError {
  return new TrailsumError("ABORTED", "the upload was cancelled", { cause });
}
