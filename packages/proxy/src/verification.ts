import type { Readable } from "node:stream";
import { pipeline } from "node:stream";

import {
  algorithms,
  algorithmsToCompute,
  announcedIntegrityFields,
  createVerifyingStream,
  decideVerdict,
  type FieldLines,
  integrityFieldNames,
  type VerifyingStream,
} from "@trailsum/shared";

/**
 * What is done about the digests of content that passes: nothing; its verdict told; or content whose verdict is bad
 * cut off before its end, so that the next hop never takes it for whole.
 */
export type VerificationMode = "off" | "observe" | "enforce";

/** The message whose content passes. */
export interface PassingMessage {
  readonly header: FieldLines;
  /** Whether trailers may stand behind its content. */
  readonly trailersPossible: boolean;
  /** Its trailer section, once the content has ended. */
  readonly trailers: () => FieldLines;
  readonly content: "whole" | "part";
}

/**
 * A stream that verifies content on its way; content that nothing came to verify by passes. Where a length frames the
 * content its last byte is already the end: enforcing, the last piece is held back until the verdict. Where chunks do,
 * nothing is: what is streamed never waits for what comes behind it.
 */
export function passingVerification(message: PassingMessage, mode: "observe" | "enforce"): VerifyingStream {
  const { header, content, trailersPossible } = message;
  return createVerifyingStream({
    algorithms: algorithmsToCompute({ header, trailersPossible }, algorithms),
    withhold: mode === "enforce" && header.has("Content-Length") && isVerifiable(message),
    decide: (computed) => decideVerdict({ header, trailer: message.trailers(), computed, content }),
    accept: ({ name }) => mode === "observe" || name === "verified" || name === "unverified",
  });
}

/** Sends `source` through `verification`, beginning only when somebody reads what comes out. */
export function whenRead(source: Readable, verification: VerifyingStream): void {
  verification.once("resume", () => pipeline(source, verification, () => {}));
  verification.once("close", () => source.destroy());
}

/** Whether a message says anything that its content could be verified by, or may still say it behind the content. */
export function isVerifiable({
  header,
  trailersPossible,
}: Pick<PassingMessage, "header" | "trailersPossible">): boolean {
  return trailersPossible || announcedIntegrityFields(header).length > 0 || makesClaims(header);
}

function makesClaims(header: FieldLines): boolean {
  return integrityFieldNames.some((name) => header.has(name));
}
