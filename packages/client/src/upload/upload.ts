import {
  type Algorithm,
  createStreamDigester,
  type Digests,
  type FieldLines,
  type Receipt,
  redactedTarget,
  TrailsumError,
} from "@trailsum/shared";
import type { Dispatcher } from "undici";

import { type Answer, ask } from "../transfer/answer.ts";
import { chosenAlgorithms } from "../transfer/chosen-algorithms.ts";
import { defaultDispatcher } from "../transfer/default-dispatcher.ts";
import { confirmation } from "./confirmation.ts";
import type { OpenedSource } from "./opened-source.ts";
import type { Progress } from "../transfer/progress.ts";
import { followRedirects, redirection } from "../transfer/redirects.ts";
import { isProblem, MAX_PROBLEM_BYTES, refusal } from "../transfer/refusal.ts";
import type { FieldsInit } from "../dispatcher/request-fields.ts";
import { withRetries } from "../transfer/retry.ts";
import { targetUrl } from "../transfer/target-url.ts";
import { transportError } from "../transfer/transport-error.ts";
import { contentAtOnce, contentInPieces, type Sending } from "./upload-content.ts";
import { uploadFields } from "./upload-fields.ts";
import { openSource, type UploadSource } from "./upload-source.ts";

/** Options of {@link upload}. */
export interface UploadOptions {
  /** Default `PUT`. */
  readonly method?: "PUT" | "POST";
  /** Algorithms whose digests are sent in `Content-Digest`, beside md5, which is always computed. */
  readonly digests?: readonly Algorithm[];
  /** Further header fields. */
  readonly headers?: FieldsInit;
  /** Cancels the upload: it then rejects with `ABORTED`. */
  readonly signal?: AbortSignal;
  /** Told after each piece that was handed to the connection. */
  readonly onProgress?: (progress: Progress) => void;
  /** What sends the request. It must be able to send trailers: a `TrailerAgent`, or something composed of one. */
  readonly dispatcher?: Dispatcher;
  /**
   * How often a failed upload is begun again, when the source can be read again and the failure may pass: no connection,
   * a lost one, a timeout, 408, 429, 502, 503, 504, or content that was damaged on the way. Default 0.
   */
  readonly retries?: number;
}

/** What an upload came to. */
export interface UploadResult {
  /** Where it was sent, after redirects. Its query is complete, and may be secret. */
  readonly url: string;
  /** The status of the answer. */
  readonly status: number;
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

/** Those that ask for the same request elsewhere, content and all (RFC 9110 sections 15.4.8 and 15.4.9). */
const REDIRECTS = [307, 308];

/**
 * Streams a source to `url`, hashing it on the way, and sends its digests behind it as trailers: `Md5`, `Size` and
 * `Content-Digest`, declared in `Trailer`. Resolves when the server has accepted it, and has not contradicted.
 *
 * Rejects with a `TrailsumError`: `CONNECT_FAILED`, `CONNECTION_LOST`, `TIMEOUT`, `PROTOCOL`, `UNTRUSTED_CERTIFICATE`;
 * `REFUSED` with the status of an answer that has nothing to do with integrity; `DIGEST_*` or `SIZE_MISMATCHED` if
 * the server found the content wrong or unverifiable, or says that it stored other content; `PROTOCOL` if it says that it
 * stored it under another path, as after a bit of the request target was changed on the way; `FILE_UNREADABLE` or
 * `FILE_CHANGED`; `USAGE`; `ABORTED`. The message is cut off, and never completed, when the source fails. A stream or an
 * iterable is let go of in every case: destroyed, cancelled or returned.
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
    const retries = opened.rereadable ? (options.retries ?? 0) : 0;
    return await withRetries(retries, options.signal, () =>
      followRedirects(target, (hop) => send(hop, opened, options, hop.origin === target.origin)),
    );
  } finally {
    await opened.close();
  }
}

/** Sends the source to one URL: what the upload came to, or where it is sent on to. */
async function send(
  url: URL,
  source: OpenedSource,
  options: UploadOptions,
  sameOrigin: boolean,
): Promise<UploadResult | URL> {
  const { dispatcher, onProgress, signal } = options;
  const algorithms = chosenAlgorithms(options.digests);
  const digester = await createStreamDigester(algorithms, source.size);
  const sending: Sending = { ended: false, asked: false };
  const hashing = { digester, sending, onProgress };
  // Our own connection sends what comes in one turn in one write, and has sent a piece before it asks for another. Of
  // anybody else's dispatcher nobody can know.
  const own = dispatcher === undefined;
  try {
    const content =
      own && source.whole !== undefined
        ? await contentAtOnce(source.whole, hashing)
        : contentInPieces(source, own, hashing);
    const request = {
      origin: url.origin,
      path: url.pathname + url.search,
      method: options.method ?? "PUT",
      headers: uploadFields(algorithms, options.headers, sameOrigin),
      ...content,
    };
    const answer = await ask(dispatcher ?? defaultDispatcher(), request, { wanted: wantedBytes, signal });
    const elsewhere = await accepted(url, answer);
    if (elsewhere !== undefined) return sentOn(url, elsewhere, source, answer.status);
    const { sent } = sending;
    if (sent === undefined) throw sending.ended && !sending.asked ? noTrailers(url) : tooEarly(url);
    const { status, headers } = answer;
    const { by, receipt } = confirmation(url, sent, answer);
    return { url: url.href, status, digests: sent, confirmedBy: by, receipt, headers };
  } catch (error) {
    if (signal?.aborted === true) throw cancelled(error);
    // Who was sent all of the content and no trailers finds that digests lack. That is not the network's doing.
    if (sending.ended && !sending.asked && isAboutDigests(error)) throw noTrailers(url);
    // What went wrong here is the cause, whatever became of the connection then.
    throw transportError(sending.error ?? error, url);
  } finally {
    digester.close();
  }
}

/** An answer of which nobody needs the content is read no further than this: then its connection is worth less. Bytes. */
const MAX_UNWANTED_BYTES = 131_072;

/** What is read of an answer: for the connection to be used again, or for what it says of a refusal. */
function wantedBytes(status: number, headers: FieldLines): number {
  if (status < 400) return MAX_UNWANTED_BYTES;
  return isProblem(headers) ? MAX_PROBLEM_BYTES : 0;
}

/** Takes the answer: resolves when it is a success, or with where it sends on to, and rejects with what it refuses for. */
async function accepted(url: URL, answer: Answer): Promise<URL | undefined> {
  const { status, headers, content, cut } = answer;
  const elsewhere = redirection(url, status, headers, REDIRECTS);
  if (elsewhere !== undefined) return elsewhere;
  if (status < 200 || status >= 300)
    throw await refusal(url, { status, headers, content: cut === undefined ? content : [] });
  if (cut !== undefined) throw cut;
  return undefined;
}

function sentOn(url: URL, elsewhere: URL, source: OpenedSource, status: number): URL {
  if (source.rereadable) return elsewhere;
  throw new TrailsumError("REFUSED", `${redactedTarget(url)} redirects to ${redactedTarget(elsewhere)}: upload there`, {
    status,
  });
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
