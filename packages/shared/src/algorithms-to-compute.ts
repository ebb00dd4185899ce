import type { Algorithm } from "./algorithms.ts";
import { readClaims, speaksOf } from "./claims.ts";
import type { FieldLines } from "./field-lines.ts";
import { announcedIntegrityFields, type IntegrityFieldName, integrityField } from "./integrity-fields.ts";

/** What is known of a message before its content arrives. */
export interface ExpectedMessage {
  /** Its header section. */
  readonly header: FieldLines;
  /** Whether trailers may follow its content. */
  readonly trailersPossible: boolean;
  /** The algorithms that its sender is likely to use, where something says so. @default none */
  readonly hints?: readonly Algorithm[];
  /** Whether the content is the whole representation or a part of it, as in a 206. @default "whole" */
  readonly content?: "whole" | "part";
}

/** What senders use that announce nothing. */
const USUAL: readonly Algorithm[] = ["md5", "sha-256", "sha-512"];

/**
 * Which digests to compute over the content of a message: those that it takes to check what came, and no others. That is
 * decided before the content, and what it is compared with may come after it, so this is the rule by which a
 * receiver can check what it has not seen:
 *
 * - the algorithms of digests in the header;
 * - for each field that `Trailer` announces, the algorithms that it may be of: the one in its name (`Md5`). Where the name
 *   does not say (`Content-Digest`): the hints; without any, those that such fields in the header are of; and without such
 *   fields, every supported one;
 * - where no digest is in the header or announced and trailers may still come: the hints, or else md5, sha-256 and sha-512.
 *
 * Unsupported algorithms are left out in each case.
 */
export function algorithmsToCompute(message: ExpectedMessage, supported: readonly Algorithm[]): Algorithm[] {
  const { header, trailersPossible, hints = [], content = "whole" } = message;
  const inHeader = digestClaims(header, content);
  const named = inHeader.map(({ algorithm }) => algorithm);
  // A name that says the algorithm says nothing of what the sender chooses where it can.
  const choices = inHeader.filter(({ field }) => integrityField(field).algorithms.length > 1);
  const likely = [hints, choices.map(({ algorithm }) => algorithm)];
  const announced = trailersPossible ? announcedIntegrityFields(header).filter((field) => field !== "Size") : [];

  const compute = new Set<Algorithm>(named);
  for (const field of announced.filter((name) => speaksOf(name, header, content))) {
    for (const algorithm of likelyAlgorithms(integrityField(field).algorithms, likely)) compute.add(algorithm);
  }
  if (trailersPossible && named.length === 0 && announced.length === 0) {
    const usual = [hints, USUAL, supported].find((list) => list.some((algorithm) => supported.includes(algorithm)));
    for (const algorithm of usual ?? []) compute.add(algorithm);
  }
  return supported.filter((algorithm) => compute.has(algorithm));
}

/** The algorithms of the digests in a header section that are about the content of its message. */
export function algorithmsInHeader(header: FieldLines, content: "whole" | "part" = "whole"): Algorithm[] {
  return [...new Set(digestClaims(header, content).map(({ algorithm }) => algorithm))];
}

interface DigestClaim {
  readonly field: IntegrityFieldName;
  readonly algorithm: Algorithm;
}

function digestClaims(header: FieldLines, content: "whole" | "part"): DigestClaim[] {
  return readClaims(header, "header").claims.flatMap(({ field, of }) =>
    "algorithm" in of && speaksOf(field, header, content) ? [{ field, algorithm: of.algorithm }] : [],
  );
}

/** Of the algorithms that a field may be of, those that the first list with any of them has; all without one. */
function likelyAlgorithms(
  possible: readonly Algorithm[],
  lists: readonly (readonly Algorithm[])[],
): readonly Algorithm[] {
  const likely = lists.map((list) => list.filter((algorithm) => possible.includes(algorithm)));
  return likely.find((list) => list.length > 0) ?? possible;
}
