import { type ErrorCode, isToken, type TrailsumError } from "@trailsum/shared";

/** The error types of RFC 9209 section 2.3 for what the system or the dispatcher says of a failed connection. */
const BY_CAUSE: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "connection_refused"],
  ["ETIMEDOUT", "connection_timeout"],
  ["UND_ERR_CONNECT_TIMEOUT", "connection_timeout"],
  ["ENOTFOUND", "dns_error"],
  ["EAI_AGAIN", "dns_error"],
  ["EHOSTUNREACH", "destination_ip_unroutable"],
  ["ENETUNREACH", "destination_ip_unroutable"],
  ["EPROTO", "tls_protocol_error"],
]);

const BY_CODE: Partial<Record<ErrorCode, string>> = {
  CONNECT_FAILED: "destination_unavailable",
  UNTRUSTED_CERTIFICATE: "tls_certificate_error",
  CONNECTION_LOST: "connection_terminated",
  TIMEOUT: "http_response_timeout",
  PROTOCOL: "http_protocol_error",
  TRAILERS_TOO_LARGE: "http_response_trailer_section_size",
  LOOP_DETECTED: "proxy_loop_detected",
};

/** The value of `Proxy-Status` (RFC 9209) for a response that the proxy of this name made because of this failure. */
export function proxyStatus(pseudonym: string, failure: TrailsumError): string {
  const name = /^[a-z*]/i.test(pseudonym) && isToken(pseudonym) ? pseudonym : `"${pseudonym}"`;
  return `${name}; error=${errorType(failure)}`;
}

function errorType({ code, cause, status = 500 }: TrailsumError): string {
  // Without a cause it was raised here, about the client's own message.
  if (cause === undefined && status < 500) return "http_request_error";
  const causeCode = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  return BY_CAUSE.get(causeCode) ?? BY_CODE[code] ?? "proxy_internal_error";
}
