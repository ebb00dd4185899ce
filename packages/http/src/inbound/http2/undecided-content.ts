/** Methods whose requests have no content as a rule (RFC 9110 section 9.3). */
const WITHOUT_CONTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "DELETE", "OPTIONS", "TRACE"]);

/** How long the first sign of content, or of its absence, is waited for. Milliseconds. */
export const PATIENCE = 100;

/**
 * Whether a request of HTTP/2 without END_STREAM in its header section may still have no content: clients end a GET with an empty DATA
 * frame, and in HTTP/1.1 it must not become a GET with chunked content, which many servers refuse. The first frame decides where a
 * method has no content as a rule, no length is given and no 100 is expected.
 */
export function isUndecided({
  method,
  length = "0",
  expect,
}: {
  readonly method: string;
  readonly length: string | undefined;
  readonly expect: string | undefined;
}): boolean {
  return WITHOUT_CONTENT.has(method) && length === "0" && expect === undefined;
}
