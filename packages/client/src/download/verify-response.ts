import { pipeline, type Readable } from "node:stream";

import {
  algorithmsToCompute,
  allAlgorithms,
  createVerifyingStream,
  decideVerdict,
  FieldLines,
  TrailsumError,
  type Verdict,
} from "@trailsum/shared";
import { contentStream } from "@trailsum/shared/streams";

import { transportError } from "../transfer/transport-error.ts";

/** Options of {@link verifyResponse}. */
export interface VerifyResponseOptions {
  /** Whether content without a digest is accepted. Default true. */
  readonly allowUnverified?: boolean;
}

/** The content of a response, and its verdict. */
export interface VerifiedResponse {
  /** The bytes. It ends cleanly only after an acceptable verdict, and fails with a `TrailsumError` after another. */
  readonly body: Readable;
  /** The verdict, when the body has ended; rejects when it did not arrive whole. It may be left unobserved. */
  readonly verdict: Promise<Verdict>;
}

/**
 * Verifies the content of what `fetch` gave against the digests in its header: `Repr-Digest`, `Content-Digest`,
 * `Content-MD5` and the others of `integrityFieldNames`. It is for code that lives on `fetch`, which drops trailers: digests announced as
 * trailers are therefore not waited for. `download` waits for them. Content that `fetch` has decoded (any
 * `Content-Encoding`) cannot be compared with digests of its coded form: only `Unencoded-Digest` verifies it.
 *
 * Throws `USAGE` for a response whose body was used already.
 */
export function verifyResponse(response: Response, options: VerifyResponseOptions = {}): VerifiedResponse {
  if (response.bodyUsed || response.body?.locked === true)
    throw new TrailsumError("USAGE", "the body of this response was read already");
  const header = response.body === null ? FieldLines.empty : headerOfDecoded(FieldLines.from(response.headers));
  const content = response.status === 206 ? "part" : "whole";
  const stream = createVerifyingStream({
    algorithms: algorithmsToCompute({ header, trailersPossible: false, content }, allAlgorithms),
    decide: (computed) => decideVerdict({ header, computed, content }),
    accept: ({ name }) => name === "verified" || (name === "unverified" && options.allowUnverified !== false),
  });
  const source = contentStream(response.body ?? []);
  source.on("error", (error) => stream.destroy(transportError(error, URL.parse(response.url))));
  // A failure of either end reaches the other; the reader of the stream sees it there.
  pipeline(source, stream, () => {});
  return { body: stream, verdict: stream.verdict };
}

/**
 * What the header says of content that `fetch` has decoded. Where no content can be, as in the answer to HEAD, in a 204 or a
 * 304, the fields describe the content that GET would return.
 */
function headerOfDecoded(received: FieldLines): FieldLines {
  const header = received.delete("Trailer");
  if (!header.has("Content-Encoding")) return header;
  return header.without((name) => name.toLowerCase() !== "unencoded-digest");
}
