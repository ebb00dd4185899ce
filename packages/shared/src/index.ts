export { type FieldLine, FieldLines } from "./field-lines.ts";
export { foldedFieldName, isFieldValue, isToken, listMembers, sameFieldName } from "./field-syntax.ts";
export { type OctetClass, octetClass, TOKEN } from "./octet-class.ts";
export { isForwardingField } from "./forwarding-fields.ts";
export { isTrailerName } from "./trailer-names.ts";
export {
  createTrailerPolicy,
  type TrailerContext,
  type TrailerPolicy,
  type TrailerPolicyOptions,
  type TrailerSelection,
} from "./trailer-policy.ts";

export {
  type Algorithm,
  algorithms,
  allAlgorithms,
  digestLength,
  isAlgorithm,
  parseAlgorithm,
  strengthOf,
} from "./algorithms.ts";
export { algorithmsInHeader, algorithmsToCompute, type ExpectedMessage } from "./algorithms-to-compute.ts";
export { createDigester, type Digester, type Digests } from "./digester.ts";
export { createStreamDigester, type StreamDigester } from "./stream-digester.ts";

export { type DigestFault, type DigestField, formatDigestField, parseDigestField } from "./digest-fields.ts";
export { formatMd5, parseContentMd5, type Parsed, parseMd5, parseSize } from "./size-and-md5.ts";
export { algorithmsWanted, formatWantDigest, mostWanted, parseWantDigest } from "./want-digest.ts";
export {
  announcedIntegrityFields,
  coversRepresentation,
  integrityField,
  type IntegrityFieldName,
  integrityFieldName,
  integrityFieldNames,
} from "./integrity-fields.ts";
export { type Claim, type MalformedClaim, type Section, type UnsupportedClaim } from "./claims.ts";
export { digestTrailerNames, digestTrailers } from "./digest-trailers.ts";

export { parseRequirements, type Requirement, weakestAlgorithm } from "./requirement.ts";
export {
  type CheckedClaim,
  type CheckedDigest,
  decideVerdict,
  type Evidence,
  type Verdict,
  type VerdictName,
  verifyingFields,
} from "./verdict.ts";
export { redactedTarget } from "./redacted-target.ts";
export { type DeliveryMode, deliveryMode, type ExchangeRecord } from "./exchange-record.ts";
export { type ExchangeProgress, exchangeProgress, followProgress } from "./exchange-progress.ts";
export { htmlText } from "./html-text.ts";
export {
  type ConnectionMessage,
  diagnostics,
  type ExchangeMessage,
  type TrailersDroppedMessage,
  type TransferMessage,
  type UploadsMessage,
  type UpstreamMessage,
} from "./diagnostics.ts";
export { parseReceipt, type Receipt, receiptMediaType } from "./receipt.ts";
export { parseProbeReport, probeContentType, probeMediaType, probeRelation, type ProbeReport } from "./probe-report.ts";
export { createVerifyingStream, type VerifyingStream, type VerifyingStreamOptions } from "./verifying-stream.ts";

export { parseHttpDate } from "./http-date.ts";
export { LONGEST_TIMEOUT, timeLimit } from "./time-limit.ts";

export { type ErrorCode, type ErrorMeaning, errorTable, TrailsumError, type TrailsumErrorOptions } from "./errors.ts";
export {
  errorProblem,
  problemCode,
  type ProblemDetails,
  problemMediaType,
  verdictError,
  verdictProblem,
} from "./problem.ts";

export type { SignableRequest } from "./signatures/signature-base.ts";
export type { SignatureTimes } from "./signatures/signature-fields.ts";
export { parseSignatureKeys, type SignatureAlgorithm, type SignatureKey } from "./signatures/signature-keys.ts";
export {
  signatureFieldNames,
  signUpload,
  type SignUploadOptions,
  unsigned,
  verifyUploadSignature,
  type VerifyUploadSignatureOptions,
} from "./signatures/upload-signature.ts";
export { formatUploadTarget, type UploadTarget, uploadTargetField } from "./signatures/upload-target.ts";
export {
  type ReceiptResponse,
  signReceipt,
  type VerifiedReceipt,
  verifyReceipt,
} from "./signatures/receipt-signature.ts";
