import { type ErrorCode, TrailsumError, type TrailsumErrorOptions } from "@trailsum/shared";

interface S3ErrorRow {
  readonly status: number;
  /** What the error is outside of S3. */
  readonly code: ErrorCode;
  /** What is answered where nothing more precise is known. */
  readonly message: string;
}

const row = (status: number, code: ErrorCode, message: string): S3ErrorRow => ({ status, code, message });

/** The name of an error in S3. */
export type S3ErrorCode =
  | "AccessDenied"
  | "AuthorizationHeaderMalformed"
  | "AuthorizationQueryParametersError"
  | "BadDigest"
  | "BucketAlreadyOwnedByYou"
  | "BucketNotEmpty"
  | "ConflictingObject"
  | "EntityTooLarge"
  | "EntityTooSmall"
  | "ExpiredToken"
  | "IncompleteBody"
  | "InsufficientStorage"
  | "InternalError"
  | "InvalidAccessKeyId"
  | "InvalidArgument"
  | "InvalidBucketName"
  | "InvalidDigest"
  | "InvalidPart"
  | "InvalidPartOrder"
  | "InvalidRange"
  | "InvalidRequest"
  | "InvalidURI"
  | "KeyTooLongError"
  | "MalformedTrailerError"
  | "MalformedXML"
  | "MetadataTooLarge"
  | "MethodNotAllowed"
  | "MissingContentLength"
  | "NoSuchBucket"
  | "NoSuchKey"
  | "NoSuchUpload"
  | "NotImplemented"
  | "PreconditionFailed"
  | "RequestTimeout"
  | "RequestTimeTooSkewed"
  | "SignatureDoesNotMatch"
  | "SlowDown"
  | "XAmzContentSHA256Mismatch";

/** The errors that the S3 front answers with, as S3 names them. */
const table: Readonly<Record<S3ErrorCode, S3ErrorRow>> = {
  AccessDenied: row(403, "FORBIDDEN", "Access Denied"),
  AuthorizationHeaderMalformed: row(400, "PROTOCOL", "The authorization header that you provided is not valid."),
  AuthorizationQueryParametersError: row(400, "PROTOCOL", "The query parameters of the signature are not valid."),
  BadDigest: row(400, "DIGEST_MISMATCHED", "The checksum you specified did not match what we received."),
  BucketAlreadyOwnedByYou: row(409, "CONFLICT", "The bucket exists, and it is yours."),
  BucketNotEmpty: row(409, "CONFLICT", "The bucket you tried to delete is not empty."),
  ConflictingObject: row(409, "CONFLICT", "Something of another kind is stored there."),
  EntityTooLarge: row(400, "TOO_LARGE", "Your proposed upload exceeds the maximum allowed size."),
  EntityTooSmall: row(400, "PROTOCOL", "Your proposed upload is smaller than the minimum allowed size."),
  ExpiredToken: row(400, "FORBIDDEN", "The provided token has expired."),
  IncompleteBody: row(
    400,
    "SIZE_MISMATCHED",
    "The content is not framed as aws-chunked, or has another length than announced.",
  ),
  InsufficientStorage: row(507, "NO_SPACE", "No space left to store this."),
  InternalError: row(500, "INTERNAL", "We encountered an internal error. Please try again."),
  InvalidAccessKeyId: row(403, "FORBIDDEN", "The access key id you provided does not exist in our records."),
  InvalidArgument: row(400, "PROTOCOL", "Invalid argument."),
  InvalidBucketName: row(400, "PATH_INVALID", "The specified bucket is not valid."),
  InvalidDigest: row(400, "DIGEST_MALFORMED", "The Content-MD5 you specified is not valid."),
  InvalidPart: row(
    400,
    "PROTOCOL",
    "One or more of the specified parts could not be found or have another entity tag.",
  ),
  InvalidPartOrder: row(400, "PROTOCOL", "The list of parts was not in ascending order."),
  InvalidRange: row(416, "PROTOCOL", "The requested range is not satisfiable."),
  InvalidRequest: row(400, "PROTOCOL", "The request is not valid."),
  InvalidURI: row(400, "PATH_INVALID", "Could not parse the specified URI."),
  KeyTooLongError: row(400, "PATH_INVALID", "Your key is too long."),
  MalformedTrailerError: row(
    400,
    "DIGEST_MISSING",
    "The request contained trailing data that was not well-formed or did not conform to our published schema.",
  ),
  MalformedXML: row(
    400,
    "PROTOCOL",
    "The XML you provided was not well-formed or did not validate against our published schema.",
  ),
  MetadataTooLarge: row(400, "TOO_LARGE", "Your metadata headers exceed the maximum allowed metadata size."),
  MethodNotAllowed: row(405, "METHOD_NOT_ALLOWED", "The specified method is not allowed against this resource."),
  MissingContentLength: row(
    411,
    "PROTOCOL",
    "You must provide the x-amz-decoded-content-length HTTP header, as a number.",
  ),
  NoSuchBucket: row(404, "NOT_FOUND", "The specified bucket does not exist."),
  NoSuchKey: row(404, "NOT_FOUND", "The specified key does not exist."),
  NoSuchUpload: row(404, "NOT_FOUND", "The specified multipart upload does not exist."),
  NotImplemented: row(
    501,
    "NOT_SUPPORTED",
    "A header or a query you provided implies functionality that is not implemented.",
  ),
  PreconditionFailed: row(412, "PRECONDITION_FAILED", "At least one of the preconditions you specified did not hold."),
  RequestTimeout: row(
    400,
    "TIMEOUT",
    "Your socket connection to the server was not read from or written to within the timeout period.",
  ),
  RequestTimeTooSkewed: row(
    403,
    "FORBIDDEN",
    "The difference between the request time and the server's time is too large.",
  ),
  SignatureDoesNotMatch: row(
    403,
    "FORBIDDEN",
    "The request signature we calculated does not match the signature you provided.",
  ),
  SlowDown: row(503, "UNAVAILABLE", "Please reduce your request rate."),
  XAmzContentSHA256Mismatch: row(
    400,
    "DIGEST_MISMATCHED",
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
  ),
};

/** An error that an S3 client is answered with. */
export class S3Error extends TrailsumError {
  /** Its name in S3. */
  readonly s3Code: S3ErrorCode;

  constructor(s3Code: S3ErrorCode, message?: string, options: TrailsumErrorOptions = {}) {
    const { status, code, message: usual } = table[s3Code];
    super(code, message ?? usual, { status, ...options });
    this.s3Code = s3Code;
  }
}

/** What the errors of stores and of reading content are in S3. */
const NAMES: Partial<Record<ErrorCode, S3ErrorCode>> = {
  CONFLICT: "ConflictingObject",
  DIGEST_MALFORMED: "InvalidDigest",
  DIGEST_MISMATCHED: "BadDigest",
  EXPECTATION_FAILED: "InvalidRequest",
  FORBIDDEN: "AccessDenied",
  METHOD_NOT_ALLOWED: "MethodNotAllowed",
  NOT_FOUND: "NoSuchKey",
  NOT_SUPPORTED: "NotImplemented",
  NO_SPACE: "InsufficientStorage",
  PATH_FORBIDDEN: "AccessDenied",
  PATH_INVALID: "InvalidArgument",
  PRECONDITION_FAILED: "PreconditionFailed",
  PROTOCOL: "InvalidRequest",
  SIZE_MISMATCHED: "IncompleteBody",
  TIMEOUT: "RequestTimeout",
  TOO_LARGE: "EntityTooLarge",
  UNAVAILABLE: "SlowDown",
};

/** The error that a client of S3 is answered with; undefined where the client went away and none can be. */
export function s3ErrorOf(error: TrailsumError): S3Error | undefined {
  if (error instanceof S3Error) return error;
  const { code, message, status } = error;
  if (code === "CONNECTION_LOST" || code === "ABORTED") return undefined;
  if (code === "TOO_LARGE" && status === 431) return new S3Error("MetadataTooLarge", undefined, { cause: error });
  const name = NAMES[code];
  // The message of an internal error may contain paths and is for the log only.
  return name === undefined
    ? new S3Error("InternalError", undefined, { cause: error })
    : new S3Error(name, message, { cause: error });
}
