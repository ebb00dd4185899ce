import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { clientGoneError, type InboundExchange, type OutgoingHead } from "@trailsum/http/inbound";
import {
  type Algorithm,
  createDigester,
  type Digests,
  digestTrailerNames,
  digestTrailers,
  type FieldLine,
  FieldLines,
  formatDigestField,
  TrailsumError,
} from "@trailsum/shared";
import { chunkBytes, type ContentPieces, contentStream } from "@trailsum/shared/streams";

import { type NodeRequest, type NodeResponse, nodeExchange } from "../node-message.ts";
import { OutgoingContent } from "./outgoing-content.ts";
import { ResponseContent } from "./response-content.ts";
import { responseFraming, withoutFraming } from "./response-framing.ts";
import { responseHead } from "../upload-exchange.ts";

/** What {@link sendVerified} can send. */
export type ContentSource = NodeJS.ReadableStream | ReadableStream | AsyncIterable<Uint8Array> | Uint8Array | string;

/** What is computed where nothing else is asked for. */
const DEFAULT: readonly Algorithm[] = ["sha-256", "md5"];

/** What is sent, and how it is checked. */
interface VerifiedContentOptions {
  /** The status. Default 200. */
  readonly status?: number | undefined;
  /**
   * Header field lines. `Content-Length`, `Transfer-Encoding` and `Trailer` among them are left out, since framing is
   * decided here, and in HTTP/2 connection-specific fields, which it does not have.
   */
  readonly headers?: Iterable<FieldLine> | undefined;
  /** The number of bytes. Derived from a string or bytes; otherwise unknown by default. */
  readonly size?: number | undefined;
  /** What the content must be. It is sent as `Repr-Digest`, and a response whose content turns out to differ is aborted. */
  readonly digests?: Digests | undefined;
  /**
   * What to compute for the trailers.
   * @default the algorithms of `digests`, or sha-256 and md5
   */
  readonly algorithms?: readonly Algorithm[] | undefined;
  /** Aborts the response when it fires. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of {@link sendVerifiedContent}. */
interface ExchangeContentOptions extends VerifiedContentOptions {
  /**
   * The algorithms of `digests` that are computed again and compared. Once they hold, so do the others.
   * @default all of them
   */
  readonly compared?: readonly Algorithm[] | undefined;
  /** Called before the response is cut because the content is not what `digests` or `size` say. */
  readonly onDiffering?: (() => void) | undefined;
}

/** Options of {@link sendVerified}. */
export interface SendVerifiedOptions extends VerifiedContentOptions {
  /** The request that is answered. Default: the one that Node made the response for. */
  readonly request?: NodeRequest | undefined;
}

/**
 * Answers with content and the digests of what really left: as the trailer fields `Md5`, `Size` and `Content-Digest`
 * (RFC 9530) to clients that sent `TE: trailers` or speak HTTP/2, and with a `Content-Length` and no trailers to others.
 *
 * Resolves when the whole response has been handed over. Otherwise the response is aborted, never ended, and the promise
 * rejects: with `STORED_BYTES_DIFFER` for content that is not what `digests` or `size` say, `CONNECTION_LOST` when the
 * client went away, `ABORTED` by the signal, or the source's own error as the cause of an `INTERNAL` one. The source is
 * destroyed in every such case.
 */
export async function sendVerified(
  res: NodeResponse,
  source: ContentSource,
  options: SendVerifiedOptions = {},
): Promise<void> {
  const { request = res.req, digests } = options;
  const size = options.size ?? digests?.size ?? sizeOf(source);
  const stream = sourceStream(source);
  // It may fail while the response waits for its turn; the pipeline reports that.
  stream.on("error", () => {});
  const exchange = await nodeExchange(request, res, { waits: false });
  try {
    await sendVerifiedContent(exchange, stream, { ...options, size });
  } catch (error) {
    exchange.abort();
    throw error;
  }
}

/**
 * The same for any exchange. What is still to come of the request is not dealt with. Content that fails before its first
 * piece leaves the response to be given by the caller.
 */
export async function sendVerifiedContent(
  exchange: InboundExchange,
  source: ContentSource,
  options: ExchangeContentOptions,
): Promise<void> {
  const { status = 200, digests, signal } = options;
  const size = options.size ?? digests?.size ?? sizeOf(source);
  const { request } = exchange;
  const framing = responseFraming(request, status, size);
  const expected = digests === undefined ? [] : [...digests.values.keys()];
  const compared = options.compared ?? expected;
  const chosen = options.algorithms ?? (digests === undefined ? DEFAULT : expected);
  const announced = framing === "trailers" ? chosen : [];

  const header = withoutFraming(exchange, options.headers ?? []);
  if (digests !== undefined) header.push(["Repr-Digest", formatDigestField(digests)]);
  if (framing === "trailers") {
    header.push(["Trailer", digestTrailerNames(announced).join(", ")]);
    // A chunked message has no Content-Length, and clients show progress by the size. In HTTP/2 it could have one, but a
    // proxy to HTTP/1.1 would drop the trailers then.
    if (size !== undefined) header.push(["Size", String(size)]);
  }
  // HEAD is answered with the fields that GET would have had (RFC 9110 section 9.3.2).
  const counted = framing !== "trailers" && size !== undefined && status !== 204;
  const head: OutgoingHead = {
    ...responseHead(status, header),
    length: counted ? String(size) : undefined,
    hasContent: framing !== "none",
    // Without a length, HTTP/1.1 needs chunks to mark the end.
    trailers: framing === "trailers" || (framing === "open" && request.httpVersion !== "1.0"),
    givesUp: false,
  };

  const stream = sourceStream(source);
  if (framing === "none") {
    stream.destroy();
    exchange.head(head);
    exchange.end(FieldLines.empty);
    return;
  }
  let clientIsGone: boolean | undefined;
  try {
    if (exchange.gone) throw clientGoneError();
    const unknown = announced.filter((algorithm) => !expected.includes(algorithm));
    const digester = await createDigester([...compared, ...unknown]);
    const content = new ResponseContent(exchange, () => exchange.head(head));
    const outgoing = new OutgoingContent(
      digester,
      { size, digests },
      {
        onWhole(computed) {
          if (framing !== "trailers") return;
          const values = new Map([...(digests?.values ?? []), ...computed.values]);
          content.trailers = digestTrailers(only({ ...computed, values }, announced));
        },
        onBroken(error) {
          if (error instanceof TrailsumError && error.code === "STORED_BYTES_DIFFER") options.onDiffering?.();
          clientIsGone = exchange.gone;
          abortIfBegun(exchange);
        },
      },
    );
    await pipeline(stream, outgoing, content, signal === undefined ? {} : { signal });
  } catch (error) {
    stream.destroy();
    clientIsGone ??= exchange.gone;
    abortIfBegun(exchange);
    if (signal?.aborted === true) throw new TrailsumError("ABORTED", "the response was cancelled", { cause: error });
    if (!clientIsGone) throw TrailsumError.from(error);
    throw new TrailsumError("CONNECTION_LOST", "the client went away before the response was complete", {
      cause: error,
    });
  }
}

/** Half a response cannot be taken back. */
function abortIfBegun(exchange: InboundExchange): void {
  if (exchange.status !== undefined) exchange.abort();
}

function sizeOf(source: ContentSource): number | undefined {
  return chunkBytes(source)?.byteLength;
}

function sourceStream(source: ContentSource): Readable {
  const bytes = chunkBytes(source);
  // A view of bytes is one chunk; iterating it would give numbers.
  return contentStream(bytes === undefined ? (source as ContentPieces) : [bytes]);
}

function only(digests: Digests, algorithms: readonly Algorithm[]): Digests {
  return { ...digests, values: new Map([...digests.values].filter(([algorithm]) => algorithms.includes(algorithm))) };
}
