import {
  type Algorithm,
  algorithmsInHeader,
  announcedIntegrityFields,
  type FieldLines,
  parseWantDigest,
} from "@trailsum/shared";

/**
 * Which digests to compute over a request's content. That is decided before the content, and what it is to be compared
 * with comes after it, so this is the rule by which a receiver can still check what it has not seen:
 *
 * - what the header names; md5 where `Trailer` announces `Md5`;
 * - where `Trailer` announces `Content-Digest` or `Repr-Digest`, which do not say of what algorithm: those that the
 *   sender wants answered (`Want-Repr-Digest`, `Want-Content-Digest`), because a sender wants what it computes itself;
 *   without that hint, every one that is supported;
 * - where no digest is named or announced and trailers may still come: every one that is supported;
 * - md5 always, for receipts and for later downloads.
 *
 * All of it only as far as it is supported.
 */
export function algorithmsToCompute(
  request: { readonly header: FieldLines; readonly trailersPossible: boolean },
  supported: readonly Algorithm[],
): Algorithm[] {
  const { header, trailersPossible } = request;
  const named = algorithmsInHeader(header);
  const announced = trailersPossible ? announcedIntegrityFields(header).filter((field) => field !== "Size") : [];

  const compute = new Set<Algorithm>(["md5", ...named]);
  if (announced.some((field) => field === "Content-Digest" || field === "Repr-Digest")) {
    for (const algorithm of wanted(header, supported)) compute.add(algorithm);
  } else if (trailersPossible && named.length === 0 && announced.length === 0) {
    for (const algorithm of supported) compute.add(algorithm);
  }
  return supported.filter((algorithm) => compute.has(algorithm));
}

function wanted(header: FieldLines, supported: readonly Algorithm[]): readonly Algorithm[] {
  const hints = ["Want-Repr-Digest", "Want-Content-Digest"].flatMap((field) => parseWantDigest(header.getAll(field)));
  return hints.length > 0 ? hints : supported;
}
