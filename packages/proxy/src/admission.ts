import { TrailsumError } from "@trailsum/shared";

import type { Admission } from "./request/admitted-request.ts";
import { requiredSignature } from "./request/required-signature.ts";
import type { ReverseProxyOptions } from "./reverse-proxy-options.ts";
import { s3Admission } from "./s3/s3-admission.ts";

/** Which requests are forwarded; undefined for all. Throws `USAGE` for two conditions that no request can meet. */
export function admissionOf({ signatureKeys, s3Verify }: ReverseProxyOptions): Admission | undefined {
  if (signatureKeys !== undefined && s3Verify !== undefined)
    throw new TrailsumError("USAGE", "signatureKeys and s3Verify exclude each other: S3 clients sign by SigV4");
  if (s3Verify !== undefined) return s3Admission(s3Verify);
  return signatureKeys && requiredSignature(signatureKeys);
}
