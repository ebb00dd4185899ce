import type { Readable } from "node:stream";

import type { FieldLines, Verdict } from "@trailsum/shared";

import type { VerifiedRequest } from "../verify-request.ts";

/** A request whose content is verified while it is read, as a stream of the web. */
export interface VerifiedWebRequest {
  /**
   * The content. It ends only if it arrived whole and its verdict is acceptable, and fails otherwise. Nothing happens before
   * it is read; cancelling it gives the content up.
   */
  readonly body: ReadableStream<Uint8Array>;
  /** The verdict, good or bad; rejects where the content did not arrive whole. */
  readonly verdict: Promise<Verdict>;
  /** The trailer section, without names that may not be trailers (RFC 9110 section 6.5.1). */
  readonly trailers: Promise<FieldLines>;
}

/** A verified request with a stream of the web, whose errors are what `failure` makes of them. */
export function asWebRequest(
  { body, verdict, trailers }: VerifiedRequest,
  failure: (error: unknown) => unknown = (error) => error,
): VerifiedWebRequest {
  const failed = (error: unknown): never => {
    throw failure(error);
  };
  const verified = {
    body: ReadableStream.from<Uint8Array>(pieces(body, failed)),
    verdict: verdict.catch(failed),
    trailers: trailers.catch(failed),
  };
  // They may be left unobserved: the reader of the body sees the failure.
  verified.verdict.catch(() => {});
  verified.trailers.catch(() => {});
  return verified;
}

async function* pieces(body: Readable, failed: (error: unknown) => never): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of body) yield piece as Uint8Array;
  } catch (error) {
    failed(error);
  }
}
