import { foldedFieldName, isToken } from "./field-syntax.ts";
import { isForwardingField } from "./forwarding-fields.ts";
import { integrityFieldNames } from "./integrity-fields.ts";

/**
 * Fields not allowed in trailers: those that frame, route, authenticate, condition or control a message, or say how to
 * read its content (RFC 9110 section 6.5.1), because they come too late. This is Go's list, and what carries state,
 * overrides the method or redirects.
 */
const FORBIDDEN: ReadonlySet<string> = new Set(
  [
    "transfer-encoding content-length trailer te connection keep-alive proxy-connection upgrade http2-settings",
    "host max-forwards via expect range cache-control pragma origin referer location",
    "authorization proxy-authenticate proxy-authorization www-authenticate realm cookie set-cookie",
    "content-encoding content-range content-type",
    "x-http-method-override x-http-method x-method-override",
  ].flatMap((line) => line.split(" ")),
);

/**
 * Fields that say what the content must be, and that a sender can only know at its end: the digests of this project and
 * of others (RFC 9530, its predecessors, object stores, tus), and HTTP message signatures (RFC 9421 section 4.3).
 */
const INTEGRITY: ReadonlySet<string> = new Set(
  [...integrityFieldNames, "Upload-Checksum", "Signature Signature-Input"].flatMap((line) =>
    line.toLowerCase().split(" "),
  ),
);

/** `x-amz-checksum-crc32`, `-sha256` and the others that S3 has, and those that it may add. */
const S3_CHECKSUM = "x-amz-checksum-";

/** The trailers that gRPC defines itself (gRPC over HTTP2, Responses, and the richer error model). */
const GRPC: ReadonlySet<string> = new Set(["grpc-status", "grpc-message", "grpc-status-details-bin"]);

/**
 * Whether a field of this name may be sent in a trailer section at all, by anyone. `_` counts as `-`, and no field that
 * speaks for the client (see `isForwardingField`) is one.
 */
export function isTrailerName(name: string): boolean {
  return isToken(name) && isTrailerNameFolded(foldedFieldName(name));
}

/** The same of a token that has been folded (see `foldedFieldName`). */
export function isTrailerNameFolded(folded: string): boolean {
  return !FORBIDDEN.has(folded) && !folded.startsWith("if-") && !isForwardingField(folded);
}

/** Whether a trailer of this name, in lower case, says what the content must be, or for gRPC how the call ended. */
export function isIntegrityTrailer(lower: string, grpc: boolean): boolean {
  return INTEGRITY.has(lower) || lower.startsWith(S3_CHECKSUM) || (grpc && GRPC.has(lower));
}
