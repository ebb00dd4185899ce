import { describe, expect, expectTypeOf, test } from "vitest";

import type {
  Algorithm,
  CheckedClaim,
  Claim,
  Digester,
  DigestFault,
  DigestField,
  Digests,
  ErrorCode,
  ErrorMeaning,
  Evidence,
  ExpectedMessage,
  FieldLine,
  IntegrityFieldName,
  MalformedClaim,
  Parsed,
  ProblemDetails,
  Receipt,
  Section,
  StreamDigester,
  TrailerContext,
  TrailerPolicy,
  TrailerPolicyOptions,
  TrailerSelection,
  TrailsumErrorOptions,
  UnsupportedClaim,
  Verdict,
  VerdictName,
  VerifyingStream,
  VerifyingStreamOptions,
} from "../src/index.ts";
import * as shared from "../src/index.ts";

/** Every exported type, so that one which is renamed or lost does not go unseen. */
type Types = [
  [Algorithm, CheckedClaim, Claim, DigestFault, DigestField, Digester, Digests, ErrorCode, ErrorMeaning, Evidence],
  [FieldLine, IntegrityFieldName, MalformedClaim, Parsed<unknown>, ProblemDetails, Receipt, Section, TrailerContext],
  [TrailerPolicy, TrailerPolicyOptions, TrailerSelection, TrailsumErrorOptions, UnsupportedClaim, Verdict, VerdictName],
  [ExpectedMessage, StreamDigester, VerifyingStream, VerifyingStreamOptions],
];

describe("the package exports", () => {
  test("these values and no others", () => {
    expect(Object.keys(shared).toSorted()).toEqual(
      [
        [
          "FieldLines",
          "LONGEST_TIMEOUT",
          "TOKEN",
          "TrailsumError",
          "algorithms",
          "algorithmsInHeader",
          "algorithmsToCompute",
          "algorithmsWanted",
          "allAlgorithms",
          "announcedIntegrityFields",
        ],
        [
          "coversRepresentation",
          "createDigester",
          "createStreamDigester",
          "createTrailerPolicy",
          "createVerifyingStream",
          "decideVerdict",
        ],
        [
          "deliveryMode",
          "diagnostics",
          "digestLength",
          "digestTrailerNames",
          "digestTrailers",
          "errorProblem",
          "errorTable",
        ],
        [
          "exchangeProgress",
          "foldedFieldName",
          "followProgress",
          "formatDigestField",
          "formatMd5",
          "formatUploadTarget",
          "formatWantDigest",
          "htmlText",
          "integrityField",
          "integrityFieldName",
          "integrityFieldNames",
        ],
        [
          "isAlgorithm",
          "isFieldValue",
          "isForwardingField",
          "isToken",
          "isTrailerName",
          "listMembers",
          "mostWanted",
          "octetClass",
        ],
        ["parseAlgorithm", "parseContentMd5", "parseDigestField", "parseHttpDate", "parseMd5"],
        ["parseProbeReport", "parseReceipt", "parseRequirements", "parseSignatureKeys", "parseSize"],
        ["parseWantDigest", "probeContentType", "probeMediaType", "probeRelation", "problemCode", "problemMediaType"],
        ["receiptMediaType", "redactedTarget", "sameFieldName", "signReceipt", "signUpload", "signatureFieldNames"],
        ["strengthOf", "timeLimit", "unsigned", "uploadTargetField", "verdictError", "verdictProblem"],
        ["verifyReceipt", "verifyUploadSignature", "verifyingFields", "weakestAlgorithm"],
      ].flat(),
    );
  });

  test("types whose sets of names are closed", () => {
    expectTypeOf<Types["length"]>().toEqualTypeOf<4>();
    expectTypeOf<VerdictName>().toEqualTypeOf<"verified" | "mismatched" | "missing" | "malformed" | "unverified">();
    expectTypeOf<Section>().toEqualTypeOf<"header" | "trailer">();
    expectTypeOf<keyof typeof shared.errorTable>().toEqualTypeOf<ErrorCode>();
    expectTypeOf<(typeof shared.integrityFieldNames)[number]>().toEqualTypeOf<IntegrityFieldName>();
    expectTypeOf<
      Exclude<Algorithm, "md5" | "sha" | "sha-256" | "sha-512" | "crc32c" | "crc32" | "crc64nvme">
    >().toEqualTypeOf<"adler" | "xxhash64" | "xxhash3" | "xxhash128">();
  });

  test("types that are read-only", () => {
    expectTypeOf<Verdict["checked"]>().toEqualTypeOf<readonly CheckedClaim[]>();
    expectTypeOf<Digests["values"]>().toEqualTypeOf<ReadonlyMap<Algorithm, Buffer>>();
    expectTypeOf<shared.FieldLines["raw"]>().toEqualTypeOf<readonly string[]>();
    // @ts-expect-error field lines are made by from and fromRaw
    expectTypeOf(() => new shared.FieldLines([])).not.toBeAny();
  });
});
