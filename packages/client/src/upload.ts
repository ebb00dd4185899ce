import {
  type Algorithm,
  createDigester,
  type Digester,
  type Digests,
  digestTrailerNames,
  digestTrailers,
  FieldLines,
  formatWantDigest,
  parseDigestField,
  TrailsumError,
} from "@trailsum/shared";
import { type Dispatcher, request } from "undici";

import { defaultDispatcher } from "./default-dispatcher.ts";
import type { Progress } from "./progress.ts";
import { type FieldsInit, rawFields } from "./request-fields.ts";
import { refusal } from "./refusal.ts";
import { responseFields } from "./response-fields.ts";
import { withRetries } from "./retry.ts";
import { targetUrl } from "./target-url.ts";
import { transportError } from "./transport-error.ts";
import { type OpenedSource, openSource, type UploadSource } from "./upload-source.ts";
import { userAgent } from "./user-agent.ts";

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

const MAX_REDIRECTS = 5;

/**
 * Streams a source to `url`, hashing it on the way, and sends its digests behind it as trailers: `Md5`, `Size` and
 * `Content-Digest`, declared in `Trailer`. Resolves when the server has accepted it, and has not contradicted.
 *
 * Rejects with a `TrailsumError`: `CONNECT_FAILED`, `CONNECTION_LOST`, `TIMEOUT`, `PROTOCOL`, `UNTRUSTED_CERTIFICATE`;
 * `REFUSED` with the status of an answer that has nothing to do with integrity; `DIGEST_*` or `SIZE_MISMATCHED` when
 * the server found the content wrong or unverifiable, or answers with another digest; `FILE_UNREADABLE` or
 * `FILE_CHANGED`; `USAGE`; `ABORTED`. The message is cut off, and never completed, when the source fails.
 */
export async function upload(
  url: string | URL,
  source: UploadSource,
  options: UploadOptions = {},
): Promise<UploadResult> {
  const target = targetUrl(url);
  const opened = await openSource(source);
  try {
    const attempts = opened.rereadable ? (options.retries ?? 0) : 0;
    return await withRetries(attempts, options.signal, () => followRedirects(target, opened, options));
  } finally {
    await opened.close();
  }
}

/** 307 and 308 ask for the same request elsewhere (RFC 9110 sections 15.4.8 and 15.4.9); the source must allow it. */
async function followRedirects(target: URL, source: OpenedSource, options: UploadOptions): Promise<UploadResult> {
  let url = target;
  for (let hops = 0; ; hops += 1) {
    // oxlint-disable-next-line no-await-in-loop -- one hop after the other
    const result = await send(url, source, options, url.origin === target.origin);
    if (!(result instanceof URL)) return result;
    if (!source.rereadable || hops === MAX_REDIRECTS) {
      throw new TrailsumError("REFUSED", `${url.href} redirects to ${result.href}: upload there`, { status: 307 });
    }
    url = result;
  }
}

async function send(
  url: URL,
  source: OpenedSource,
  options: UploadOptions,
  sameOrigin: boolean,
): Promise<UploadResult | URL> {
  const algorithms: Algorithm[] = ["md5", ...(options.digests ?? [])];
  const digester = await createDigester(algorithms);
  let sent: Digests | undefined;
  const reading: Reading = { ended: false };
  try {
    const response = await request(url, {
      dispatcher: options.dispatcher ?? defaultDispatcher(),
      method: options.method ?? "PUT",
      headers: requestFields(algorithms, options.headers, sameOrigin),
      body: asBody(hashed(source, digester, reading, options.onProgress)),
      trailers: () => {
        sent = digester.digest();
        return digestTrailers(sent);
      },
      signal: options.signal ?? null,
    });
    const headers = responseFields(response.headers);
    const { statusCode: status } = response;
    const location = headers.get("Location");
    if ((status === 307 || status === 308) && location !== undefined) {
      await response.body.dump();
      return targetUrl(new URL(location, url));
    }
    if (status < 200 || status >= 300) throw await refusal(url, response, headers);
    await response.body.dump();
    if (sent === undefined) throw notSent(url, reading);
    return { url: url.href, status, digests: sent, confirmedBy: confirmation(url, sent, headers), headers };
  } catch (error) {
    if (options.signal?.aborted === true)
      throw new TrailsumError("ABORTED", "the upload was cancelled", { cause: error });
    // What went wrong here is the cause, whatever became of the connection then.
    throw transportError(reading.error ?? error, url);
  }
}

/** How far the reading of a source has come. */
interface Reading {
  ended: boolean;
  error?: TrailsumError;
}

/** The source's bytes, counted and hashed as they leave. */
async function* hashed(
  source: OpenedSource,
  digester: Digester,
  reading: Reading,
  onProgress: UploadOptions["onProgress"],
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of source.read()) {
      digester.update(chunk);
      yield chunk;
      onProgress?.({ transferred: digester.size, total: source.size });
    }
    reading.ended = true;
  } catch (error) {
    reading.error = TrailsumError.from(error, "FILE_UNREADABLE");
    throw error;
  }
}

function requestFields(algorithms: readonly Algorithm[], given: FieldsInit | undefined, sameOrigin: boolean): string[] {
  const own = FieldLines.from([
    ["User-Agent", userAgent],
    ["TE", "trailers"],
    ["Trailer", digestTrailerNames(algorithms).join(", ")],
    // Says which digest to answer with, and so which algorithms to compute while the content arrives.
    ["Want-Repr-Digest", formatWantDigest([...new Set(algorithms)])],
  ]);
  const further = FieldLines.fromRaw(rawFields(given)).without((name) => !sameOrigin && isCredential(name));
  return [...own.without((name) => further.has(name)).raw, ...further.raw];
}

/** What was meant for one origin is not told to another that it redirects to. */
function isCredential(name: string): boolean {
  return ["authorization", "cookie", "proxy-authorization"].includes(name.toLowerCase());
}

/** Compares what the server says it computed with what was computed here. */
function confirmation(url: URL, sent: Digests, headers: FieldLines): UploadResult["confirmedBy"] {
  const { digests } = parseDigestField(headers.getAll("Repr-Digest"));
  const comparable = [...digests].filter(([algorithm]) => sent.values.has(algorithm));
  for (const [algorithm, digest] of comparable) {
    if (sent.values.get(algorithm)?.equals(digest) === true) continue;
    throw new TrailsumError(
      "DIGEST_MISMATCHED",
      `${url.href}: the server stored something else: its ${algorithm} differs`,
    );
  }
  return comparable.length > 0 ? "server" : "nobody";
}

function notSent({ origin }: URL, { ended }: Reading): TrailsumError {
  return ended
    ? new TrailsumError("USAGE", `${origin}: the dispatcher did not send the trailers: use a TrailerAgent`)
    : new TrailsumError("PROTOCOL", `${origin}: accepted the upload before it had arrived`);
}

// undici's types know streams and buffers only; an async iterable is taken all the same.
function asBody(iterable: AsyncIterable<Uint8Array>): NonNullable<Dispatcher.DispatchOptions["body"]> {
  return iterable as unknown as NonNullable<Dispatcher.DispatchOptions["body"]>;
}
