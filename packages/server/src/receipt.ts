import { type Algorithm, type FieldLines, parseWantDigest, type Verdict, verifyingFields } from "@trailsum/shared";

/** What an uploader is told of what was stored: the JSON body of a 200 or 201. */
export interface Receipt {
  /** The name under which it was stored, decoded, without a leading slash. */
  readonly path: string;
  /** How many bytes were stored. */
  readonly size: number;
  /** What the server computed, as lower-case hex. */
  readonly digests: Partial<Record<Algorithm, string>>;
  /** `verified`, or `unverified` where the server accepts that. */
  readonly verdict: Verdict["name"];
  /** The fields of the request that held. */
  readonly verifiedBy: readonly string[];
}

/** The receipt for content that was stored under `path` after this verdict. */
export function createReceipt(path: string, verdict: Verdict): Receipt {
  const { size, values } = verdict.computed;
  return {
    path,
    size,
    digests: Object.fromEntries([...values].map(([algorithm, digest]) => [algorithm, digest.toString("hex")])),
    verdict: verdict.name,
    verifiedBy: verifyingFields(verdict),
  };
}

/** Which of the computed digests the uploader is answered in `Repr-Digest`: those it wants (RFC 9530 section 4), or all. */
export function answeredAlgorithms(header: FieldLines, verdict: Verdict): Algorithm[] {
  const computed = [...verdict.computed.values.keys()];
  const wanted = parseWantDigest(header.getAll("Want-Repr-Digest")).filter((algorithm) => computed.includes(algorithm));
  return wanted.length > 0 ? wanted : computed;
}
