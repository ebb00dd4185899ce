import { type Verdict, verdictError } from "@trailsum/shared";

import { checksumName } from "./checksums.ts";
import { S3Error } from "./s3-errors.ts";

/** The error of S3 that a verdict other than `verified` amounts to. */
export function verdictS3Error(verdict: Verdict, options?: { readonly cause: unknown }): S3Error {
  switch (verdict.name) {
    case "malformed":
      return malformedError(verdict, options);
    case "mismatched":
      return mismatchedError(verdict, options);
    case "missing":
      // What x-amz-trailer announces has come, or its decoder has thrown: this is a policy of the server.
      return new S3Error("InvalidRequest", verdictError(verdict).message, options);
    default:
      return new S3Error(
        "InvalidRequest",
        "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
        options,
      );
  }
}

function malformedError({ malformed }: Verdict, options?: { readonly cause: unknown }): S3Error {
  const [first] = malformed;
  if (first === undefined || first.field === "Content-MD5") return new S3Error("InvalidDigest", undefined, options);
  const where = first.section === "trailer" ? "trailing header" : "header";
  return new S3Error("InvalidRequest", `Value for ${first.field.toLowerCase()} ${where} is invalid.`, options);
}

function mismatchedError({ expected, checked }: Verdict, options?: { readonly cause: unknown }): S3Error {
  if (expected.some(({ holds }) => !holds)) return new S3Error("XAmzContentSHA256Mismatch", undefined, options);
  const failed = checked.find(({ holds }) => !holds);
  if (failed?.field === "Content-MD5") {
    return new S3Error("BadDigest", "The Content-MD5 you specified did not match what we received.", options);
  }
  const what = failed !== undefined && "algorithm" in failed.of ? checksumName(failed.of.algorithm) : "size";
  return new S3Error("BadDigest", `The ${what} you specified did not match the calculated checksum.`, options);
}
