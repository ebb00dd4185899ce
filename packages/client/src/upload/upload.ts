import { type Digests, type FieldLines, type Receipt, redactedTarget, TrailsumError } from "@trailsum/shared";
import type { Dispatcher } from "undici";

import { type Answer, fetchShort } from "../transfer/answer.ts";
import { chosenAlgorithms, type DigestOptions } from "../transfer/chosen-algorithms.ts";
import { defaultDispatcher } from "../transfer/default-dispatcher.ts";
import { type Confirmation, confirmation, confirmationElsewhere } from "./confirmation.ts";
import type { OpenedSource } from "./opened-source.ts";
import type { Progress } from "../transfer/progress.ts";
import { followRedirects, type Hop, nextHop, Redirect, redirection } from "../transfer/redirects.ts";
import { refusal } from "../transfer/refusal.ts";
import type { FieldsInit } from "../dispatcher/request-fields.ts";
import { withRetries } from "../transfer/retry.ts";
import { targetUrl } from "../transfer/target-url.ts";
import { transportError } from "../transfer/transport-error.ts";
import { seeOther } from "./see-other.ts";
import { contentAtOnce, contentInPieces, type Sending } from "./upload-content.ts";
import { uploadFields } from "./upload-fields.ts";
import { openSource, type UploadSource } from "./upload-source.ts";

/** Options of {@link upload}. */
export interface UploadOptions extends DigestOptions {
  /** Default `PUT`. */
  readonly method?: "PUT" | "POST";
  /** Further header fields. */
  readonly headers?: FieldsInit;
  /** Cancels the upload: it then rejects with `ABORTED`. */
  readonly signal?: AbortSignal;
  /** Called after each piece that was handed to the connection. */
  readonly onProgress?: (progress: Progress) => void;
  /** The dispatcher that sends the request. It must send trailers: a `TrailerAgent`, or one composed from it. */
  readonly dispatcher?: Dispatcher;
  /**
   * How often a failed upload is begun again, when the source can be read again and the failure may pass: no connection,
   * a lost one, a timeout, 408, 425, 429, 502, 503, 504, or content that was damaged on the way. Pauses grow from half a
   * second to 30 seconds, and last as long as a server asks for in `Retry-After`, up to two minutes. A kept connection
   * that the server closes without any answer is no failure: the request goes to a new one, retries or not. Default 0.
   */
  readonly retries?: number;
}

/** The result of an upload. */
export interface UploadResult {
  /** The URL that took the upload, after redirects. Its query is complete, and may be secret. */
  readonly url: string;
  /** The status of the answer; after a 303, of the answer to the GET that it asks for. */
  readonly status: number;
  /**
   * Where a 303 pointed to; undefined if the answer was no 303. What is there may be any page, such as a form to sign in:
   * unless `confirmedBy` is `server`, nothing but the 303 says that the upload was accepted.
   */
  readonly seeOther: string | undefined;
  /** What was sent: its size in bytes and its digests. */
  readonly digests: Digests;
  /**
   * `server` if the server answered with a digest of what it stored, and it is the right one; `nobody` if it accepted the
   * upload and did not say what it received.
   */
  readonly confirmedBy: "server" | "nobody";
  /** What the server says it stored; undefined if it sent no receipt, as only a trailsum server does. */
  readonly receipt: Receipt | undefined;
  /** The header fields of the answer. */
  readonly headers: FieldLines;
}

const SEE_OTHER = 303;

/**
 * Streams a source to `url`, hashes it on the way, and sends its digests after it as trailers: `Md5`, `Size` and
 * `Content-Digest`, declared in `Trailer`. Resolves when the server has accepted it and does not report other content.
 *
 * Rejects with a `TrailsumError`: `CONNECT_FAILED`, `CONNECTION_LOST`, `TIMEOUT`, `PROTOCOL`, `UNTRUSTED_CERTIFICATE`;
 * `REFUSED` with the status of an answer that has nothing to do with integrity; `DIGEST_*` or `SIZE_MISMATCHED` if
 * the server found the content wrong or unverifiable, or says that it stored other content; `PROTOCOL` if it says that it
 * stored it under another path, as after a bit of the request target was changed on the way; `FILE_UNREADABLE` or
 * `FILE_CHANGED`; `USAGE`; `ABORTED`. The message is cut off, and never completed, when the source fails. A stream or an
 * iterable is let go of in every case: destroyed, cancelled or returned.
 *
 * Redirects are followed up to five times. 301, 302, 307 and 308 have the content sent again to where they point, which
 * needs a source that can be read again; a POST that is answered 301 or 302 is `REFUSED`, since it would become a GET.
 * 303 after all of the content and the trailers were sent says that it was accepted (RFC 9110 section 15.4.4): the
 * result is the answer to a GET of where it points, if that is a success. It is confirmed only by a receipt there or by
 * the digests of what was sent. Credentials and `Host` are not sent any more once a redirect has left the origin, and no redirect leads from https to http.
 */
export async function upload(
  url: string | URL,
  source: UploadSource,
  options: UploadOptions = {},
): Promise<UploadResult> {
  const target = targetUrl(url);
  const opened = await openSource(source, options.signal).catch((error: unknown) => {
    throw options.signal?.aborted === true ? cancelled(error) : error;
  });
  try {
    const { retries = 0, signal } = options;
    return await withRetries({ retries, repeatable: () => opened.rereadable, signal }, () =>
      followRedirects({ url: target, trusted: true }, (hop) => send(hop, opened, options)),
    );
  } finally {
    await opened.close();
  }
}

/** Sends the source to one URL. Returns the result, or the redirect to follow. */
async function send(hop: Hop, source: OpenedSource, options: UploadOptions): Promise<UploadResult | Redirect> {
  const { url, trusted } = hop;
  const { dispatcher = defaultDispatcher(), headers, method = "PUT", onProgress, signal } = options;
  const algorithms = chosenAlgorithms(options);
  const sending: Sending = { ended: false, asked: false };
  const hashing = { algorithms, sending, onProgress };
  // Our own connection batches writes of one event loop iteration, and has sent a piece before it asks for the next one.
  // Another dispatcher may do neither.
  const own = options.dispatcher === undefined;
  const content =
    own && source.whole !== undefined
      ? await contentAtOnce(source.whole, hashing)
      : contentInPieces(source, own, hashing);
  try {
    const request = {
      origin: url.origin,
      path: url.pathname + url.search,
      method,
      headers: uploadFields(algorithms, headers, trusted),
      body: content.body,
      trailers: content.trailers,
      rereadable: content.rereadable,
    };
    const answer = await fetchShort(dispatcher, request, { signal });
    const elsewhere = sentOn(url, answer, source, method);
    if (elsewhere !== undefined) return new Redirect(elsewhere);
    const other = redirection(url, answer.status, answer.headers, [SEE_OTHER]);
    if (other === undefined) await accepted(url, answer);
    const { sent } = sending;
    if (sent === undefined && other !== undefined) throw uploadThere(url, other, answer.status);
    if (sent === undefined) throw sending.ended && !sending.asked ? noTrailers(url) : tooEarly(url);
    if (other !== undefined) {
      const outcome = await seeOther(nextHop(hop, other), { dispatcher, headers, signal, algorithms });
      return resultOf(url, sent, outcome, confirmationElsewhere(url, sent, outcome), other);
    }
    return resultOf(url, sent, answer, confirmation(url, sent, answer));
  } catch (error) {
    if (signal?.aborted === true) throw cancelled(error);
    // A server that received the content but no trailers reports missing digests: the dispatcher dropped them.
    if (sending.ended && !sending.asked && isAboutDigests(error)) throw noTrailers(url);
    // An error of the source is the cause, whatever happened to the connection then.
    throw transportError(sending.error ?? error, url);
  } finally {
    content.close();
  }
}

/**
 * The target of a redirect that repeats the upload; undefined if the response is no such redirect. Throws `REFUSED` if
 * the upload cannot be repeated: the source cannot be read again, or a POST would become a GET (RFC 9110 sections 15.4.2
 * and 15.4.3).
 */
function sentOn(url: URL, { status, headers }: Answer, source: OpenedSource, method: string): URL | undefined {
  const elsewhere = redirection(url, status, headers, [301, 302, 307, 308]);
  if (elsewhere === undefined) return undefined;
  if (source.rereadable && (method === "PUT" || status >= 307)) return elsewhere;
  throw uploadThere(url, elsewhere, status);
}

/** Rejects for an answer that is not a success. */
async function accepted(url: URL, { status, headers, content, cut }: Answer): Promise<void> {
  if (status < 200 || status >= 300)
    throw await refusal(url, { status, headers, content: cut === undefined ? content : [] });
  if (cut !== undefined) throw cut;
}

function uploadThere(url: URL, elsewhere: URL, status: number): TrailsumError {
  return new TrailsumError(
    "REFUSED",
    `${redactedTarget(url)} redirects to ${redactedTarget(elsewhere)}: upload there`,
    {
      status,
    },
  );
}

function resultOf(
  url: URL,
  digests: Digests,
  { status, headers }: Answer,
  { by, receipt }: Confirmation,
  elsewhere?: URL,
): UploadResult {
  return { url: url.href, status, seeOther: elsewhere?.href, digests, confirmedBy: by, receipt, headers };
}

function isAboutDigests(error: unknown): boolean {
  return error instanceof TrailsumError && error.code.startsWith("DIGEST_");
}

function cancelled(cause: unknown): TrailsumError {
  return new TrailsumError("ABORTED", "the upload was cancelled", { cause });
}

function noTrailers({ origin }: URL): TrailsumError {
  return new TrailsumError("USAGE", `${origin}: the dispatcher did not send the trailers: use a TrailerAgent`);
}

function tooEarly({ origin }: URL): TrailsumError {
  return new TrailsumError("PROTOCOL", `${origin}: accepted the upload before it had arrived`);
}
