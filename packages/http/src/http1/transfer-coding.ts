/** llhttp reads a tab after the coding as a part of its name: what is not chunked to another reader is not chunked here. */
const CHUNKED = /^transfer-encoding:[\t ]*chunked *$/im;

/**
 * Whether a message is chunked and nothing besides (RFC 9112 section 6.1): the only transfer coding that is read here.
 * `section` is its field section as received, with one `Transfer-Encoding` line.
 */
export function isChunked(section: string): boolean {
  return CHUNKED.test(section);
}
