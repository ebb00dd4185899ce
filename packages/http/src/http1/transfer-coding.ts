/** llhttp reads a tab after the coding as part of it: what is not chunked to another reader is not chunked here. */
const CHUNKED = /^transfer-encoding:[\t ]*chunked *$/im;

/**
 * Whether a message is chunked and nothing besides (RFC 9112 section 6.1): the only transfer coding that is read here.
 * `section` is a field section of it as it stood on the wire, with one `Transfer-Encoding` line.
 */
export function isChunked(section: string): boolean {
  return CHUNKED.test(section);
}
