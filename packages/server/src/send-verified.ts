import { pipeline } from "node:stream/promises";

import {
  type Algorithm,
  createDigester,
  type Digests,
  digestTrailerNames,
  digestTrailers,
  type FieldLine,
  formatDigestField,
  TrailsumError,
} from "@trailsum/shared";
import { chunkBytes, type ContentPieces, contentStream } from "@trailsum/shared/streams";

import { abortResponse, isGone, type NodeRequest, type NodeResponse } from "./node-message.ts";
import { Http2Content } from "./http2-stream.ts";
import { OutgoingContent } from "./outgoing-content.ts";
import { responseTurn } from "./pipelining.ts";
import { isFramingField, responseFraming, setTrailers } from "./response-framing.ts";

/** What {@link sendVerified} can send. */
export type ContentSource = NodeJS.ReadableStream | ReadableStream | AsyncIterable<Uint8Array> | Uint8Array | string;

/** Options of {@link sendVerified}. */
export interface SendVerifiedOptions {
  /** The status. Default 200. */
  readonly status?: number | undefined;
  /**
   * Header field lines. `Content-Length`, `Transfer-Encoding` and `Trailer` among them are left out, since framing is
   * decided here, and in HTTP/2 `Connection` and the like, which it does not have.
   */
  readonly headers?: Iterable<FieldLine> | undefined;
  /** How many bytes there will be. Known by itself for a string and for bytes; otherwise unknown by default. */
  readonly size?: number | undefined;
  /** What the content must be. It is sent as `Repr-Digest`, and a response whose content turns out to differ is aborted. */
  readonly digests?: Digests | undefined;
  /** What to compute for the trailers. Default: the algorithms of `digests`, or md5. */
  readonly algorithms?: readonly Algorithm[] | undefined;
  /** The request that is answered. Default: the one that Node made the response for. */
  readonly request?: NodeRequest | undefined;
  /** Aborts the response when it fires. */
  readonly signal?: AbortSignal | undefined;
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
  const { status = 200, headers = [], digests, request = res.req, signal } = options;
  const bytes = chunkBytes(source);
  const size = options.size ?? digests?.size ?? bytes?.byteLength;
  const framing = responseFraming(request, status, size);
  const expected = digests === undefined ? [] : [...digests.values.keys()];
  const announced = framing === "trailers" ? (options.algorithms ?? (digests === undefined ? ["md5"] : expected)) : [];

  res.statusCode = status;
  for (const [name, value] of headers) if (!isFramingField(name, res)) res.appendHeader(name, value);
  if (digests !== undefined) res.setHeader("Repr-Digest", formatDigestField(digests));
  if (framing === "trailers") {
    res.setHeader("Trailer", digestTrailerNames(announced).join(", "));
    // A chunked message has no Content-Length, and clients show progress by the size. In HTTP/2 it could have one, but a
    // proxy to HTTP/1.1 would drop the trailers then.
    if (size !== undefined) res.setHeader("Size", size);
  } else if (size !== undefined && status !== 204) {
    // HEAD is answered with the fields that GET would have had (RFC 9110 section 9.3.2).
    res.setHeader("Content-Length", size);
  }

  // A view of bytes is one chunk; iterating it would give numbers.
  const stream = contentStream(bytes === undefined ? (source as ContentPieces) : [bytes]);
  if (framing === "none") {
    stream.destroy();
    res.end();
    return;
  }
  let clientGone: boolean | undefined;
  try {
    await responseTurn(res);
    // Node accepts writes to such a response without an error.
    if (isGone(res)) throw new Error("it is too late for a response");
    const digester = await createDigester([...announced, ...expected]);
    const outgoing = new OutgoingContent(
      digester,
      { size, digests },
      {
        onWhole(computed) {
          if (framing === "trailers") setTrailers(res, digestTrailers(only(computed, announced)));
        },
        onBroken() {
          clientGone = isGone(res);
          abortResponse(res);
        },
      },
    );
    const target = "stream" in res ? new Http2Content(res) : res;
    await pipeline(stream, outgoing, target, signal === undefined ? {} : { signal });
  } catch (error) {
    stream.destroy();
    clientGone ??= isGone(res);
    abortResponse(res);
    if (signal?.aborted === true) throw new TrailsumError("ABORTED", "the response was cancelled", { cause: error });
    if (!clientGone) throw TrailsumError.from(error);
    throw new TrailsumError("CONNECTION_LOST", "the client went away before the response was complete", {
      cause: error,
    });
  }
}

function only(digests: Digests, algorithms: readonly Algorithm[]): Digests {
  return { ...digests, values: new Map([...digests.values].filter(([algorithm]) => algorithms.includes(algorithm))) };
}
