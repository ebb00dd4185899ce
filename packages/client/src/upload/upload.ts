import {
  type Algorithm,
  createStreamDigester,
  type Digests,
  digestTrailers,
  type FieldLines,
  parseDigestField,
  TrailsumError,
} from "@trailsum/shared";
import { type Dispatcher, request } from "undici";

import { chosenAlgorithms } from "../transfer/chosen-algorithms.ts";
import { defaultDispatcher } from "../transfer/default-dispatcher.ts";
import { hashed, type Reading } from "./hashed-source.ts";
import type { OpenedSource } from "./opened-source.ts";
import type { Progress } from "../transfer/progress.ts";
import { followRedirects, redirection } from "../transfer/redirects.ts";
import { refusal } from "../transfer/refusal.ts";
import type { FieldsInit } from "../dispatcher/request-fields.ts";
import { awaitEnd } from "../transfer/response-end.ts";
import { responseFields } from "../transfer/response-fields.ts";
import { withRetries } from "../transfer/retry.ts";
import { targetUrl } from "../transfer/target-url.ts";
import { transportError } from "../transfer/transport-error.ts";
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
  /** Where it was sent, after redirects. */
  readonly url: string;
  /** The status of the answer. */
  readonly status: number;
  /** What was sent: its size in bytes and its digests. */
  readonly digests: Digests;
  /**
   * `server` when the server answered with a digest that it computed itself, and it is the right one; `nobody` when it
   * accepted the upload and did not say what it received.
   */
  readonly confirmedBy: "server" | "nobody";
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
 * `REFUSED` with the status of an answer that has nothing to do with integrity; `DIGEST_*` or `SIZE_MISMATCHED` when
 * the server found the content wrong or unverifiable, or answers with another digest; `FILE_UNREADABLE` or
 * `FILE_CHANGED`; `USAGE`; `ABORTED`. The message is cut off, and never completed, when the source fails. A stream or an
 * iterable is let go of in every case: destroyed, cancelled or returned.
 */
export async function upload(
  url: string | URL,
  source: UploadSource,
  options: UploadOptions = {},
): Promise<UploadResult> {
  const target = targetUrl(url);
  const opened = await openSource(source);
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
  const algorithms = chosenAlgorithms(options.digests);
  const digester = await createStreamDigester(algorithms, source.size);
  const reading: Reading = { ended: false };
  // Our own connection has sent a piece before it asks for another. Of anybody else's dispatcher nobody can know.
  const inTurn = options.dispatcher === undefined;
  const { onProgress } = options;
  let asked = false;
  let sent: Digests | undefined;
  try {
    const response = await request(url, {
      dispatcher: options.dispatcher ?? defaultDispatcher(),
      method: options.method ?? "PUT",
      headers: uploadFields(algorithms, options.headers, sameOrigin),
      body: asBody(hashed(source, { digester, reading, onProgress, inTurn })),
      trailers: async () => {
        asked = true;
        sent = await digester.digest();
        return digestTrailers(sent);
      },
      signal: options.signal ?? null,
    });
    const elsewhere = await accepted(url, response);
    if (elsewhere !== undefined) return sentOn(url, elsewhere, source, response.statusCode);
    if (sent === undefined) throw reading.ended && !asked ? noTrailers(url) : tooEarly(url);
    const headers = responseFields(response.headers);
    const confirmedBy = confirmation(url, sent, headers);
    return { url: url.href, status: response.statusCode, digests: sent, confirmedBy, headers };
  } catch (error) {
    if (options.signal?.aborted === true)
      throw new TrailsumError("ABORTED", "the upload was cancelled", { cause: error });
    // Who was sent all of the content and no trailers finds that digests lack. That is not the network's doing.
    if (reading.ended && !asked && isAboutDigests(error)) throw noTrailers(url);
    // What went wrong here is the cause, whatever became of the connection then.
    throw transportError(reading.error ?? error, url);
  } finally {
    digester.close();
  }
}

/** Takes the answer: resolves when it is a success, or with where it sends on to, and rejects with what it refuses for. */
async function accepted(url: URL, response: Dispatcher.ResponseData<unknown>): Promise<URL | undefined> {
  const { statusCode: status, body } = response;
  const headers = responseFields(response.headers);
  try {
    const elsewhere = redirection(url, status, headers, REDIRECTS);
    if (elsewhere !== undefined) await body.dump();
    else if (status < 200 || status >= 300) throw await refusal(url, response, headers);
    else await awaitEnd(response);
    return elsewhere;
  } finally {
    body.on("error", () => {}).destroy();
  }
}

function sentOn(url: URL, elsewhere: URL, source: OpenedSource, status: number): URL {
  if (source.rereadable) return elsewhere;
  throw new TrailsumError("REFUSED", `${url.href} redirects to ${elsewhere.href}: upload there`, { status });
}

/** Compares what the server says it computed with what was computed here. */
function confirmation(url: URL, sent: Digests, headers: FieldLines): UploadResult["confirmedBy"] {
  const { digests, faults } = parseDigestField(headers.getAll("Repr-Digest"));
  const comparable = [...digests].filter(([algorithm]) => sent.values.has(algorithm));
  for (const [algorithm, digest] of comparable) {
    if (sent.values.get(algorithm)?.equals(digest) === true) continue;
    throw new TrailsumError(
      "DIGEST_MISMATCHED",
      `${url.href}: the server stored something else: its ${algorithm} differs`,
    );
  }
  return comparable.length > 0 && faults.length === 0 ? "server" : "nobody";
}

function isAboutDigests(error: unknown): boolean {
  return error instanceof TrailsumError && error.code.startsWith("DIGEST_");
}

function noTrailers({ origin }: URL): TrailsumError {
  return new TrailsumError("USAGE", `${origin}: the dispatcher did not send the trailers: use a TrailerAgent`);
}

function tooEarly({ origin }: URL): TrailsumError {
  return new TrailsumError("PROTOCOL", `${origin}: accepted the upload before it had arrived`);
}

// undici's types know streams and buffers only; an async iterable is taken all the same.
function asBody(iterable: AsyncIterable<Uint8Array>): NonNullable<Dispatcher.DispatchOptions["body"]> {
  return iterable as unknown as NonNullable<Dispatcher.DispatchOptions["body"]>;
}
