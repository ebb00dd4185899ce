import type { Algorithm } from "./algorithms.ts";
import type { FieldLines } from "./field-lines.ts";
import { algorithmsInHeader, announcedIntegrityFields, digestFieldAlgorithms } from "./integrity-fields.ts";

/** What is known of a message before its content arrives. */
export interface ExpectedMessage {
  /** Its header section. */
  readonly header: FieldLines;
  /** Whether trailers may follow its content. */
  readonly trailersPossible: boolean;
  /** The algorithms that its sender is likely to use, where something says so. */
  readonly hints?: readonly Algorithm[];
}

/**
 * Which digests to compute over the content of a message. That is decided before the content, and what it is to be
 * compared with comes after it, so this is the rule by which a receiver can still check what it has not seen:
 *
 * - what the header names; md5 where `Trailer` announces `Md5`;
 * - where `Trailer` announces `Content-Digest` or `Repr-Digest`, which do not say of what algorithm: the hints; without
 *   any, those that digest fields in the header are of; and without such fields, every one that is supported;
 * - where no digest is named or announced and trailers may still come: every one that is supported;
 * - md5 always, for receipts and for those who will want it later.
 *
 * All of it only as far as it is supported.
 */
export function algorithmsToCompute(message: ExpectedMessage, supported: readonly Algorithm[]): Algorithm[] {
  const { header, trailersPossible, hints = [] } = message;
  const named = algorithmsInHeader(header);
  const announced = trailersPossible ? announcedIntegrityFields(header).filter((field) => field !== "Size") : [];

  const compute = new Set<Algorithm>(["md5", ...named]);
  if (announced.some((field) => field === "Content-Digest" || field === "Repr-Digest")) {
    const likely = [hints, digestFieldAlgorithms(header), supported].find((list) => list.length > 0) ?? [];
    for (const algorithm of likely) compute.add(algorithm);
  } else if (trailersPossible && named.length === 0 && announced.length === 0) {
    for (const algorithm of supported) compute.add(algorithm);
  }
  return supported.filter((algorithm) => compute.has(algorithm));
}
