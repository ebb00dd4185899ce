import { TrailsumError } from "@trailsum/shared";

/** What the SDK knows of a failed request. */
interface ServiceFault {
  readonly name: string;
  readonly $metadata: { readonly httpStatusCode?: number };
}

/** How long a client should wait until it tries again, in milliseconds. */
const RETRY_AFTER = 5_000;

/** S3's names of errors that are about what was asked for, and what they are here. */
const NAMES: Readonly<Record<string, readonly [code: "PATH_INVALID" | "TOO_LARGE" | "NO_SPACE", message: string]>> = {
  KeyTooLongError: ["PATH_INVALID", "the path is longer than the object storage allows: shorten it"],
  InvalidObjectName: ["PATH_INVALID", "the object storage does not allow this path: use a different path"],
  InvalidURI: ["PATH_INVALID", "the object storage does not allow this path: use a different path"],
  EntityTooLarge: ["TOO_LARGE", "the content is larger than the object storage accepts"],
  QuotaExceeded: ["NO_SPACE", "the object storage has no space left"],
  InsufficientStorage: ["NO_SPACE", "the object storage has no space left"],
};

/**
 * An error of the SDK as one of trailsum. What the store asked wrongly or may not do is `INTERNAL`: it is the server's fault,
 * never that of its client. `timeout` says after how many milliseconds the request was given up, if it was.
 */
export function s3Error(error: unknown, timeout?: number): TrailsumError {
  if (error instanceof TrailsumError) return error;
  const options = { cause: error };
  if (timeout !== undefined) {
    const message = `timed out after ${timeout / 1000} s waiting for a response of the object storage`;
    return new TrailsumError("UNAVAILABLE", message, { ...options, retryAfter: RETRY_AFTER });
  }
  if (error instanceof Error && error.name === "AbortError") return new TrailsumError("ABORTED", "cancelled", options);
  const { name, status } = faultOf(error);
  const [code, message] = NAMES[name] ?? [];
  if (code !== undefined) return new TrailsumError(code, message!, options);
  if (status === 404) return new TrailsumError("NOT_FOUND", "the object storage does not have it", options);
  if (status === 412 || name === "PreconditionFailed" || name === "ConditionalRequestConflict")
    return new TrailsumError("PRECONDITION_FAILED", "the object was changed meanwhile", options);
  if (status === 507) return new TrailsumError("NO_SPACE", "the object storage has no space left", options);
  if (status === 401 || status === 403)
    return new TrailsumError("INTERNAL", `the object storage refused the request: ${name}`, options);
  const isTransient = status === 408 || status === 429 || name === "RequestTimeout";
  if (status !== undefined && status >= 400 && status < 500 && !isTransient)
    return new TrailsumError("INTERNAL", `the object storage did not accept the request: ${name}`, options);
  const unavailable = `the object storage is not available: ${name}`;
  return new TrailsumError("UNAVAILABLE", unavailable, { ...options, retryAfter: RETRY_AFTER });
}

/** Why a bucket cannot be used at all, for who runs the server. */
export function unusableBucket(bucket: string, cause: unknown): TrailsumError {
  const error = s3Error(cause);
  const { name, status } = faultOf(error.cause);
  if (error.code === "NOT_FOUND")
    return new TrailsumError("NOT_FOUND", `the bucket ${bucket} does not exist: create it first`, { cause });
  if (name === "CredentialsProviderError") {
    const advice = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
    return new TrailsumError("USAGE", `no credentials for the object storage: ${advice}`, { cause });
  }
  if (status === 401 || status === 403)
    return new TrailsumError("FORBIDDEN", `the object storage does not let these credentials use ${bucket}`, { cause });
  if (error.code !== "UNAVAILABLE") return error;
  return new TrailsumError("CONNECT_FAILED", `${bucket} cannot be used: ${error.message}`, { cause });
}

/** Whether the object storage said that something does not exist. */
export function isAbsent(error: unknown): boolean {
  return error instanceof TrailsumError && error.code === "NOT_FOUND";
}

/** Whether S3's name of the error is this one. */
export function isNamed(error: unknown, name: string): boolean {
  return error instanceof TrailsumError && error.cause instanceof Error && error.cause.name === name;
}

/** Whether a condition of the request did not hold. */
export function isPreconditionFailed(error: unknown): boolean {
  return error instanceof TrailsumError && error.code === "PRECONDITION_FAILED";
}

function faultOf(error: unknown): { name: string; status: number | undefined } {
  if (!(error instanceof Error)) return { name: "unknown error", status: undefined };
  const { name, $metadata } = error as Error & Partial<ServiceFault>;
  // A connection that fails has a code, and a name that says nothing.
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  return { name: $metadata?.httpStatusCode === undefined ? (code ?? name) : name, status: $metadata?.httpStatusCode };
}
