import { inspect } from "node:util";

/** What is known of an error code, in one place: for people, for an HTTP answer and for a shell. */
export interface ErrorMeaning {
  /** What happened, as a phrase. */
  readonly meaning: string;
  /** The process exit status of the command when this ends it. */
  readonly exit: number;
  /** The HTTP status when a server answers with it; absent where it never crosses the wire. */
  readonly status?: number;
  /** The problem type (RFC 9457 section 3.1.1); `about:blank` where the status says it all. */
  readonly type?: string;
}

/** The code of an error. The set is closed: {@link errorTable} says what each means. */
export type ErrorCode =
  | "INTERNAL"
  | "USAGE"
  | "UNKNOWN_ALGORITHM"
  | "CONNECT_FAILED"
  | "UNTRUSTED_CERTIFICATE"
  | "CONNECTION_LOST"
  | "TIMEOUT"
  | "PROTOCOL"
  | "TRAILERS_TOO_LARGE"
  | "REFUSED"
  | "UNAUTHORIZED"
  | "FORBIDDEN"
  | "PATH_INVALID"
  | "PATH_FORBIDDEN"
  | "NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "CONFLICT"
  | "TOO_LARGE"
  | "CONTENT_RANGE"
  | "MISMATCHING_OFFSET"
  | "INCONSISTENT_LENGTH"
  | "COMPLETED_UPLOAD"
  | "NOT_SUPPORTED"
  | "PRECONDITION_FAILED"
  | "EXPECTATION_FAILED"
  | "LOOP_DETECTED"
  | "NO_SPACE"
  | "UNAVAILABLE"
  | "FILE_UNREADABLE"
  | "FILE_UNWRITABLE"
  | "FILE_CHANGED"
  | "STORED_BYTES_DIFFER"
  | "DIGEST_MISMATCHED"
  | "SIZE_MISMATCHED"
  | "DIGEST_MALFORMED"
  | "DIGEST_MISSING"
  | "DIGEST_UNSUPPORTED"
  | "DIGEST_UNVERIFIED"
  | "SIGNATURE_INVALID"
  | "ABORTED";

// draft-ietf-httpapi-digest-fields-problem-types registers three, draft-ietf-httpbis-resumable-upload three.
const REGISTERED = "https://iana.org/assignments/http-problem-types";
const OWN = "urn:trailsum:problem";

/**
 * Every error code there is. The set is closed: nothing else is ever thrown on purpose by these packages.
 * Exit statuses: 1 bug, 2 usage, 3 connection or protocol, 4 refused by the other side, 5 local file,
 * 6 integrity violated, 7 integrity not established, 130 interrupted.
 */
export const errorTable: Readonly<Record<ErrorCode, ErrorMeaning>> = {
  INTERNAL: { meaning: "unexpected error", exit: 1, status: 500, type: "about:blank" },
  USAGE: { meaning: "invalid argument", exit: 2 },
  UNKNOWN_ALGORITHM: { meaning: "not a digest algorithm known here", exit: 2 },
  CONNECT_FAILED: { meaning: "could not connect", exit: 3 },
  UNTRUSTED_CERTIFICATE: { meaning: "the server's certificate is not trusted", exit: 3 },
  CONNECTION_LOST: { meaning: "the connection was lost before the transfer was complete", exit: 3 },
  TIMEOUT: { meaning: "the other side took too long", exit: 3, status: 408, type: "about:blank" },
  PROTOCOL: {
    meaning: "the peer violated the protocol",
    exit: 3,
    status: 400,
    type: "about:blank",
  },
  TRAILERS_TOO_LARGE: { meaning: "more trailer fields than are allowed", exit: 3, status: 431, type: "about:blank" },
  REFUSED: { meaning: "the peer refused", exit: 4 },
  UNAUTHORIZED: { meaning: "credentials are missing or wrong", exit: 4, status: 401, type: "about:blank" },
  FORBIDDEN: { meaning: "this is not permitted", exit: 4, status: 403, type: "about:blank" },
  PATH_INVALID: { meaning: "not a valid path for a stored object", exit: 4, status: 400, type: `${OWN}:path-invalid` },
  PATH_FORBIDDEN: {
    meaning: "a path that leads out of what is served",
    exit: 4,
    status: 403,
    type: `${OWN}:path-forbidden`,
  },
  NOT_FOUND: { meaning: "nothing is stored there", exit: 4, status: 404, type: "about:blank" },
  METHOD_NOT_ALLOWED: { meaning: "not a method of this resource", exit: 4, status: 405, type: "about:blank" },
  CONFLICT: { meaning: "something of another kind is there", exit: 4, status: 409, type: `${OWN}:path-conflict` },
  TOO_LARGE: { meaning: "larger than is accepted", exit: 4, status: 413, type: "about:blank" },
  CONTENT_RANGE: { meaning: "partial uploads are not accepted", exit: 4, status: 400, type: `${OWN}:partial-put` },
  MISMATCHING_OFFSET: {
    meaning: "the content does not continue where the upload ends",
    exit: 4,
    status: 409,
    type: `${REGISTERED}#mismatching-upload-offset`,
  },
  INCONSISTENT_LENGTH: {
    meaning: "lengths of the upload contradict each other",
    exit: 4,
    status: 400,
    type: `${REGISTERED}#inconsistent-upload-length`,
  },
  COMPLETED_UPLOAD: {
    meaning: "the upload has been completed",
    exit: 4,
    status: 400,
    type: `${REGISTERED}#completed-upload`,
  },
  NOT_SUPPORTED: {
    meaning: "the request asks for something that is not supported",
    exit: 4,
    status: 400,
    type: `${OWN}:not-supported`,
  },
  PRECONDITION_FAILED: {
    meaning: "a precondition of the request does not hold",
    exit: 4,
    status: 412,
    type: "about:blank",
  },
  EXPECTATION_FAILED: { meaning: "an expectation that cannot be met", exit: 4, status: 417, type: "about:blank" },
  LOOP_DETECTED: { meaning: "the request came back to a proxy on its path", exit: 3, status: 508, type: "about:blank" },
  NO_SPACE: { meaning: "no space left to store it", exit: 5, status: 507, type: "about:blank" },
  UNAVAILABLE: {
    meaning: "the server cannot answer for the time being",
    exit: 4,
    status: 503,
    type: "about:blank",
  },
  FILE_UNREADABLE: { meaning: "cannot read a local file", exit: 5 },
  FILE_UNWRITABLE: { meaning: "cannot write a local file", exit: 5 },
  FILE_CHANGED: { meaning: "a file changed while it was read", exit: 5 },
  STORED_BYTES_DIFFER: {
    meaning: "the stored content no longer matches its verified digest",
    exit: 6,
    status: 500,
    type: `${OWN}:stored-bytes-differ`,
  },
  DIGEST_MISMATCHED: {
    meaning: "a digest differs from the content",
    exit: 6,
    status: 400,
    type: `${REGISTERED}#digest-mismatched-values`,
  },
  SIZE_MISMATCHED: {
    meaning: "the size differs from the content",
    exit: 6,
    status: 400,
    type: `${OWN}:size-mismatched`,
  },
  DIGEST_MALFORMED: {
    meaning: "an integrity field is malformed",
    exit: 6,
    status: 400,
    type: `${REGISTERED}#digest-invalid-values`,
  },
  DIGEST_MISSING: {
    meaning: "an announced or required integrity field did not arrive",
    exit: 7,
    status: 400,
    type: `${OWN}:digest-missing`,
  },
  DIGEST_UNSUPPORTED: {
    meaning: "no digest of a supported algorithm was received",
    exit: 7,
    status: 400,
    type: `${REGISTERED}#digest-unsupported-algorithms`,
  },
  DIGEST_UNVERIFIED: {
    meaning: "no digest was sent to verify the content",
    exit: 7,
    status: 400,
    type: `${OWN}:digest-required`,
  },
  SIGNATURE_INVALID: {
    meaning: "a signature is missing or invalid",
    exit: 6,
    status: 400,
    type: `${OWN}:signature-invalid`,
  },
  ABORTED: { meaning: "cancelled", exit: 130 },
};

/** Options of a {@link TrailsumError}. */
export interface TrailsumErrorOptions {
  /** The error underneath, if there is one. */
  readonly cause?: unknown;
  /** The HTTP status that was received (`REFUSED`), or that replaces the status of the table in the response. */
  readonly status?: number;
  /** After how many milliseconds the other side asks to be tried again, where it said so. */
  readonly retryAfter?: number | undefined;
  /** Members of the problem document for it, beside those of every one (RFC 9457 section 3.2). */
  readonly extensions?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * The one class of error that these packages throw. `code` says which, `meaning` what follows from it; `message` is a
 * sentence for people, and `cause` the error underneath.
 */
export class TrailsumError extends Error {
  /** The name of the class, as for errors of Node. */
  override readonly name = "TrailsumError";
  /** Which error it is. */
  readonly code: ErrorCode;
  /** The HTTP status received or to be answered, where one fits. */
  readonly status: number | undefined;
  /** After how many milliseconds the other side asks to be tried again (`Retry-After`, RFC 9110 section 10.2.3). */
  readonly retryAfter: number | undefined;
  /** Members of the problem document for it, beside those of every one (RFC 9457 section 3.2). */
  readonly extensions: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, message: string, options: TrailsumErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status ?? this.meaning.status;
    this.retryAfter = options.retryAfter;
    this.extensions = options.extensions;
  }

  /** The same as `status`, under the name that Fastify, NestJS and the package http-errors have for it. */
  get statusCode(): number | undefined {
    return this.status;
  }

  /** Whether `message` may be sent to a client (the convention of http-errors): not that of an unexpected error. */
  get expose(): boolean {
    return this.code !== "INTERNAL" && this.status !== undefined && this.status < 500;
  }

  /** The table's row for this code: exit status, HTTP status, problem type. */
  get meaning(): ErrorMeaning {
    return errorTable[this.code];
  }

  /** The error itself where it is one of ours, otherwise a `TrailsumError` of the code given, with it as the cause. */
  static from(error: unknown, code: ErrorCode = "INTERNAL"): TrailsumError {
    if (error instanceof TrailsumError) return error;
    return new TrailsumError(code, messageOf(error), { cause: error });
  }
}

// Anything can be thrown, and not everything can be made a string of.
function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  return typeof error === "string" ? error : inspect(error);
}
