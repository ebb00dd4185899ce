import type { Readable } from "node:stream";
import { pipeline } from "node:stream";

import type { InboundRequest } from "@trailsum/http/inbound";
import {
  type Algorithm,
  algorithmsToCompute,
  allAlgorithms,
  announcedIntegrityFields,
  createDigester,
  createVerifyingStream,
  decideVerdict,
  type Digests,
  FieldLines,
  integrityFieldNames,
  type Verdict,
  verdictError,
  type VerifyingStream,
} from "@trailsum/shared";

import type { OriginResponse } from "./response/origin-response.ts";

/**
 * What is done about the digests of content that passes: nothing; its verdict reported; or content whose verdict is bad
 * aborted before its end, so that the next hop never considers it complete.
 */
export type VerificationMode = "off" | "observe" | "enforce";

/** A message whose content is relayed. */
export interface VerifiableMessage {
  readonly header: FieldLines;
  /** Whether trailers may follow its content. */
  readonly trailersPossible: boolean;
  readonly content: "whole" | "part";
  /** The algorithms that its sender is likely to use. */
  readonly hints?: readonly Algorithm[];
  /** Digests that the content must have. */
  readonly expected?: ReadonlyMap<Algorithm, Buffer> | undefined;
  /** Decides on the content in place of the mode: throws for what must not reach the next hop as a whole. */
  readonly judge?: ((verdict: Verdict, trailer: FieldLines) => void) | undefined;
}

/**
 * Verifies the content of one message in transit: in a stream, or at once if it is complete. Content that nothing
 * came to verify by passes. Where a length frames the content its last byte is already the end: enforcing, the last
 * piece is held back until the verdict. Chunked content is never held back, so streaming is not delayed.
 */
export class Verification {
  /** The verdict, once it is being sought; rejects when the content did not arrive whole. */
  verdict: Promise<Verdict> | undefined;
  /** Whether the last piece of content is held back until the verdict. */
  readonly withholds: boolean;
  readonly #message: VerifiableMessage;
  readonly #mode: "observe" | "enforce";

  constructor(message: VerifiableMessage, mode: "observe" | "enforce") {
    this.#message = message;
    this.#mode = mode;
    this.withholds =
      mode === "enforce" &&
      message.header.has("Content-Length") &&
      (message.judge !== undefined || isVerifiable(message));
  }

  /** A stream for content as it comes. `trailers` gives the trailer section once the content has ended. */
  stream(trailers: () => FieldLines): VerifyingStream {
    const stream = createVerifyingStream({
      algorithms: [...algorithmsToCompute(this.#message, allAlgorithms), ...(this.#message.expected?.keys() ?? [])],
      withhold: this.withholds,
      decide: (computed) => this.#decide(computed, trailers()),
      accept: (verdict) => this.#accepts(verdict, trailers()),
    });
    this.verdict = stream.verdict;
    return stream;
  }

  /**
   * Forwards complete content with its trailers: it is sent before the verdict where a stream would, and ends
   * after it. Rejects with the error for a verdict that is not let through.
   */
  async *pass(content: Buffer, trailers: FieldLines): AsyncGenerator<Buffer, void, void> {
    if (!this.withholds) yield content;
    await this.#judge(content, trailers);
    if (this.withholds) yield content;
  }

  async #judge(content: Buffer, trailers: FieldLines): Promise<void> {
    const said = FieldLines.owning([...this.#message.header.raw, ...trailers.raw]);
    const { content: extent, expected } = this.#message;
    const digester = await createDigester([
      ...algorithmsToCompute({ header: said, trailersPossible: false, content: extent }, allAlgorithms),
      ...(expected?.keys() ?? []),
    ]);
    digester.update(content);
    const verdict = this.#decide(digester.digest(), trailers);
    this.verdict = Promise.resolve(verdict);
    if (!this.#accepts(verdict, trailers)) throw verdictError(verdict);
  }

  #decide(computed: Digests, trailer: FieldLines): Verdict {
    const { header, content, expected } = this.#message;
    return decideVerdict({ header, trailer, computed, content, expected });
  }

  #accepts(verdict: Verdict, trailers: FieldLines): boolean {
    const { judge } = this.#message;
    if (judge !== undefined) {
      judge(verdict, trailers);
      return true;
    }
    const { name } = verdict;
    return this.#mode === "observe" || name === "verified" || name === "unverified";
  }
}

/** Judges a message without content. Rejects with what `judge` throws. */
export async function judgeNoContent(message: VerifiableMessage): Promise<void> {
  for await (const _piece of new Verification(message, "enforce").pass(Buffer.alloc(0), FieldLines.empty));
}

/** Sends `source` through `verification`, starting only when the output is read. */
export function whenRead(source: Readable, verification: VerifyingStream): void {
  verification.once("resume", () => {
    // Node emits `resume` on the next tick. If the client reset the stream meanwhile, `pipeline` would throw.
    if (!verification.destroyed) pipeline(source, verification, () => {});
  });
  verification.once("close", () => source.destroy());
}

/** Whether a message says anything that its content could be verified by, or may still do so after the content. */
export function isVerifiable({
  header,
  trailersPossible,
}: Pick<VerifiableMessage, "header" | "trailersPossible">): boolean {
  return trailersPossible || announcedIntegrityFields(header).length > 0 || makesClaims(header);
}

function makesClaims(header: FieldLines): boolean {
  return integrityFieldNames.some((name) => header.has(name));
}

/** How the content of a response is verified, if it is. */
export function responseVerification(
  { method }: InboundRequest,
  { header, status, trailersPossible }: OriginResponse,
  mode: VerificationMode,
): Verification | undefined {
  if (mode === "off") return undefined;
  // The response to a method other than GET is not the resource's representation, and `Repr-Digest` does not cover it: in
  // the response to a PUT it describes what was stored (RFC 9530 section 3.2).
  const content = method === "GET" && status !== 206 ? "whole" : "part";
  return new Verification({ header, trailersPossible, content }, mode);
}
