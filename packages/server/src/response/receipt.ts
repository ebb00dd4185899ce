import {
  type Algorithm,
  deliveryMode,
  type FieldLines,
  parseWantDigest,
  type Receipt,
  type Verdict,
  verifyingFields,
} from "@trailsum/shared";

/** The receipt for content that was stored under `path` after this verdict. */
export function createReceipt(path: string, verdict: Verdict, mode: Receipt["mode"] = deliveryMode(verdict)): Receipt {
  const { size, values } = verdict.computed;
  return {
    path,
    size,
    digests: Object.fromEntries([...values].map(([algorithm, digest]) => [algorithm, digest.toString("hex")])),
    verdict: verdict.name,
    ...(mode === undefined ? {} : { mode }),
    verifiedBy: verifyingFields(verdict),
    algorithms: verdict.algorithms,
  };
}

/** The algorithms for `Repr-Digest` in the answer to an upload: those the client wants (RFC 9530 section 4), or all. */
export function answeredAlgorithms(header: FieldLines, verdict: Verdict): Algorithm[] {
  const computed = [...verdict.computed.values.keys()];
  const wanted = parseWantDigest(header.getAll("Want-Repr-Digest")).filter((algorithm) => computed.includes(algorithm));
  return wanted.length > 0 ? wanted : computed;
}

/** Whether the client asks for an answer without content (RFC 7240 section 4.2). Of several such preferences the first counts. */
export function prefersMinimal(header: FieldLines): boolean {
  const preferences = header.list("Prefer").map((member) => member.split(";", 1)[0]!.toLowerCase());
  const returned = preferences.map((preference) => /^return[ \t]*=[ \t]*"?([a-z]*)"?[ \t]*$/.exec(preference)?.[1]);
  return returned.find((value) => value !== undefined) === "minimal";
}
