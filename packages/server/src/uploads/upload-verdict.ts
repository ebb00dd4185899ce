import {
  type Algorithm,
  algorithms as allAlgorithms,
  algorithmsInHeader,
  decideVerdict,
  type Digests,
  type FieldLine,
  FieldLines,
  formatDigestField,
  integrityField,
  isAlgorithm,
  type Requirement,
  sameFieldName,
  type Verdict,
  weakestAlgorithm,
} from "@trailsum/shared";

import type { SignedMessage } from "../request/upload-signature.ts";
import type { VerificationPolicy } from "../verify-request.ts";
import type { UploadRecord } from "./upload-record.ts";

/** What the completing request says of the content. */
export interface Evidence {
  readonly header: FieldLines;
  readonly trailer: FieldLines;
  /** That request, whose signature is checked; undefined where its protocol has no place for one. */
  readonly signed: SignedMessage | undefined;
  /**
   * Whether the content of that request is all of the content: then fields that are about the content of a message say
   * something about the whole. Otherwise only `Repr-Digest` and its like do.
   */
  readonly isWhole: boolean;
}

/** What {@link judgeUpload} decides from. */
interface UploadEvidence {
  readonly record: UploadRecord;
  readonly evidence: Evidence;
  readonly computed: Digests;
  readonly policy: VerificationPolicy;
}

/** Decides what is to be thought of the content of an upload that is complete. */
export function judgeUpload({ record, evidence, computed, policy }: UploadEvidence): Verdict {
  const { require = [], algorithms = allAlgorithms } = policy;
  const supported = [...computed.values.keys()].filter((algorithm) => algorithms.includes(algorithm));
  const comparable = { ...computed, values: new Map(supported.map((name) => [name, computed.values.get(name)!])) };
  const { header, trailer } = claimsOf(record, evidence);
  const verdict = decideVerdict({
    header: FieldLines.from([...header, ...checkedParts(record, comparable)]),
    trailer,
    computed: comparable,
    require: evidence.isWhole ? require : require.flatMap(strengthDemanded),
    supported,
  });
  return { ...verdict, computed };
}

/**
 * What a requirement demands of content received in several requests: a digest as strong, in any field. Fields about
 * the content of one message, such as `Md5`, cannot be about the whole there. `Size` is met by the offset and the length
 * that every such request states.
 */
function strengthDemanded(requirement: Requirement): Algorithm[] {
  if (isAlgorithm(requirement)) return [requirement];
  const weakest = weakestAlgorithm(integrityField(requirement).algorithms);
  return weakest === undefined ? [] : [weakest];
}

/** What has to be computed for that, if it is not known yet. One strong digest that is known is enough. */
export function neededAlgorithms(
  record: UploadRecord,
  evidence: Evidence,
  { algorithms = allAlgorithms }: VerificationPolicy,
): Algorithm[] {
  const { header, trailer } = claimsOf(record, evidence);
  const claimed = [...algorithmsInHeader(header), ...algorithmsInHeader(trailer)].filter((name) =>
    algorithms.includes(name),
  );
  const known = claimed.filter((name) => record.digests?.values.has(name) === true);
  const isEnough = known.includes("sha-256") || known.includes("sha-512");
  const ofParts = record.checked === undefined ? [] : [record.checked.algorithm];
  return [...new Set<Algorithm>([...(isEnough ? known : claimed), ...ofParts, "sha-256"])];
}

/** The fields of the creation and of the completion that are about the whole content. */
function claimsOf(record: UploadRecord, evidence: Evidence): { header: FieldLines; trailer: FieldLines } {
  const about = ({ header }: { header: FieldLines }): FieldLines =>
    evidence.isWhole ? header : header.without((name) => !isAboutWhole(name));
  const header = about(evidence);
  const said = [...header];
  const created = record.header.filter(
    ([name, value]) => !said.some(([other, its]) => sameFieldName(other, name) && its === value),
  );
  return { header: FieldLines.from([...created, ...said]), trailer: about({ header: evidence.trailer }) };
}

/** Whether a field is about the representation, and not about the content of the message that it is in. */
export function isAboutWhole(name: string): boolean {
  return ABOUT_WHOLE.has(name.toLowerCase());
}

const ABOUT_WHOLE: ReadonlySet<string> = new Set(["repr-digest", "unencoded-digest", "digest"]);

/** If all of the content came in parts that verified, so has the whole: by the weakest of their algorithms. */
function checkedParts({ checked }: UploadRecord, computed: Digests): FieldLine[] {
  if (checked === undefined || checked.size !== computed.size) return [];
  return [["Content-Digest", formatDigestField(computed, [checked.algorithm])]];
}
