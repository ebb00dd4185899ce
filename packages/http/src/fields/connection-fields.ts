/** Fields of an HTTP/1.1 connection, which an HTTP/2 message must not have (RFC 9113 section 8.2.2). */
export const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** What is left out of a response over HTTP/2: fields of a connection, and fields of requests that some servers copy. */
export const NOT_IN_HTTP2_RESPONSES: ReadonlySet<string> = new Set([
  ...CONNECTION_FIELDS,
  "te",
  "host",
  "http2-settings",
]);
