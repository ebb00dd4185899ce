import type { Readable } from "node:stream";

import { headFault, inboundRequest, requestContent } from "@trailsum/http/inbound";
import {
  type Algorithm,
  algorithmsToCompute,
  algorithmsWanted,
  allAlgorithms,
  createTrailerPolicy,
  createVerifyingStream,
  decideVerdict,
  type Digests,
  FieldLines,
  type Requirement,
  type SignatureKey,
  timeLimit,
  TrailsumError,
  type Verdict,
} from "@trailsum/shared";

import type { NodeRequest } from "./node-message.ts";
import { readBody, type ReceivedMessage } from "./request/request-body.ts";
import { requestHead } from "./request/request-head.ts";
import { requireSignature, secondsNow } from "./request/upload-signature.ts";

/** What a request must have to be accepted. */
export interface VerificationPolicy {
  /**
   * What must be there, as trailer or header, and hold: fields such as `Size`, or `sha-256` for a digest that is at least
   * as strong.
   * @default none
   */
  readonly require?: readonly Requirement[] | undefined;
  /** Whether content without any digest is accepted. Default false. Digests that come are checked all the same. */
  readonly allowUnverified?: boolean | undefined;
  /**
   * The algorithms that this server computes to verify content. Digests of others are left aside.
   * @default every one known
   */
  readonly algorithms?: readonly Algorithm[] | undefined;
  /**
   * Keys that uploads must be signed with (RFC 9421), as `parseSignatureKeys` of `@trailsum/shared` reads them. With them
   * content is accepted only if one of them has signed a sha-256 or sha-512 digest of it in `Content-Digest` or `Repr-Digest`, the
   * method, the target and the content type, in the header or as trailers, within the last five minutes; `SIGNATURE_INVALID`
   * otherwise.
   * @default signatures are not looked at
   */
  readonly signatureKeys?: readonly SignatureKey[] | undefined;
  /** The most bytes of content. Default: no bound. */
  readonly maxSize?: number | undefined;
  /** How long to wait for the next byte of content, in milliseconds. Default 60 000; 0 waits for ever. */
  readonly idleTimeout?: number | undefined;
}

/** Options of {@link verifyRequest}. */
export interface VerifyRequestOptions extends VerificationPolicy {
  /**
   * Algorithms to compute besides those that the request needs, for what is recorded of the content.
   * @default none
   */
  readonly record?: readonly Algorithm[] | undefined;
  /**
   * Digests that the content must have, known from a source that is trusted more than the message.
   * @default none
   */
  readonly expected?: ReadonlyMap<Algorithm, Buffer> | undefined;
  /** Stops the reading when it fires; the body then fails with `ABORTED`. */
  readonly signal?: AbortSignal | undefined;
}

/** A request whose content is verified while it is read. */
export interface VerifiedRequest {
  /**
   * The content. It must be read for anything to happen, and ends only if it arrived whole and its verdict is
   * acceptable. Otherwise it fails: with the verdict's error, `CONNECTION_LOST` or `PROTOCOL` for an aborted
   * request, `TOO_LARGE`, `TIMEOUT`, or `ABORTED`. The request is left open, so that an answer can be sent.
   */
  readonly body: Readable;
  /** The verdict, good or bad, after the trailers; rejects where the content did not arrive whole. */
  readonly verdict: Promise<Verdict>;
  /** The trailer section, without names that may not be trailers (RFC 9110 section 6.5.1). Never merged into the header. */
  readonly trailers: Promise<FieldLines>;
}

/**
 * Verifies the content of a request by its integrity fields: `Md5`, `Size`, `Content-Digest`, `Repr-Digest` (RFC 9530)
 * and the others of `integrityFieldNames`, from the trailer section or the header. The request must not have been read yet.
 *
 * Set `requestTimeout: 0` on a server of `node:http`, which otherwise ends every request after 300 s: the body then fails
 * with `TIMEOUT`.
 *
 * Do not publish the content before the body has ended: trailers come last, and so does the verdict.
 *
 * @example
 * ```ts
 * import { createWriteStream } from "node:fs";
 * import { rename } from "node:fs/promises";
 * import { createServer } from "node:http";
 * import { pipeline } from "node:stream/promises";
 * import { verifyRequest } from "@trailsum/server";
 *
 * createServer({ requestTimeout: 0 }, async (req, res) => {
 *   const { body } = verifyRequest(req, { require: ["sha-256"] });
 *   // Fails, and leaves `report` as it was, unless the content is complete and matches.
 *   await pipeline(body, createWriteStream("report.part"));
 *   await rename("report.part", "report");
 *   res.writeHead(201).end();
 * });
 * ```
 */
export function verifyRequest(req: NodeRequest, options: VerifyRequestOptions = {}): VerifiedRequest {
  req.on("error", () => {});
  const request = inboundRequest(req);
  return verifyContent(
    { head: requestHead(request), content: requestContent(req), fault: headFault(request) ?? readBefore(req) },
    options,
  );
}

/** The error for a request that something else has read; undefined for any other. */
export function readBefore({ readableDidRead, aborted }: NodeRequest): TrailsumError | undefined {
  if (!readableDidRead || aborted) return undefined;
  return new TrailsumError(
    "USAGE",
    "the request was read before, by a body parser perhaps: verify it first, or keep the parser away from this route",
  );
}

/** The same for content of any exchange. The body ends for every verdict that `accept` returns true for. */
export function verifyContent(
  message: ReceivedMessage,
  options: VerifyRequestOptions,
  accept: (verdict: Verdict) => boolean = (verdict) => isAcceptable(verdict, options),
): VerifiedRequest {
  const { require = [], algorithms = allAlgorithms, record = [], expected = new Map(), maxSize, signal } = options;
  const idleTimeout = timeLimit("idleTimeout", options.idleTimeout, 60_000);
  const { head } = message;
  const begun = secondsNow();
  let trailer = FieldLines.empty;
  // A digest that is only recorded does not count towards the verdict.
  const only = (computed: Digests): Digests => ({
    ...computed,
    values: new Map(
      [...computed.values].filter(([algorithm]) => algorithms.includes(algorithm) || expected.has(algorithm)),
    ),
  });

  const body = createVerifyingStream({
    // A sender says with Want-* what it wants answered, and wants what it computes itself.
    algorithms: [
      ...algorithmsToCompute({ ...head, hints: algorithmsWanted(head.header) }, algorithms),
      ...record,
      ...expected.keys(),
    ],
    size: head.size,
    decide: (computed) => ({
      ...decideVerdict({
        header: head.header,
        trailer,
        computed: only(computed),
        expected,
        require,
        supported: algorithms,
      }),
      computed,
    }),
    accept(verdict) {
      if (!accept(verdict)) return false;
      // Content that is kept for another request to bring its digests gets its signature with them.
      if (isAcceptable(verdict, options)) requireSignature({ head, trailer, begun }, verdict.computed, options);
      return true;
    },
  });
  // It may fail before the application has a reader for it, which gets the error when it comes. A stranger's request must not
  // end the process.
  body.on("error", () => {});
  const onTrailers = (received: FieldLines): void => {
    trailer = trailerPolicy.filter(received, { declared: head.header.list("Trailer") });
  };
  const whole = readBody(message, body, { onTrailers, maxSize, idleTimeout, signal });
  const trailers = whole.then(() => trailer);
  // They may be left unobserved: the reader of the body sees the failure.
  trailers.catch(() => {});
  return { body, verdict: body.verdict, trailers };
}

/** Whether content of this verdict is kept: `verified` always, `unverified` where the policy says so. */
export function isAcceptable(verdict: Verdict, { allowUnverified = false }: VerificationPolicy): boolean {
  return verdict.name === "verified" || (allowUnverified && verdict.name === "unverified");
}

// All, announced or not: a digest that was not announced is worth no less.
const trailerPolicy = createTrailerPolicy({ select: "all" });
