import { constants } from "node:http2";

import { errors } from "undici";

import { streamReset } from "./stream-error.ts";

/** What a field takes in HTTP/1.1 besides name and value: a colon, a space and the end of the line. */
const LINE = 4;

/**
 * A field section as Node gives it, without its pseudo fields, which come first. nghttp2 has refused connection-specific
 * fields, names in upper case, and lengths that differ. Throws undici's `HeadersOverflowError` for more than `limit`
 * bytes, counted as in HTTP/1.1.
 */
export function responseFields(raw: readonly string[], limit: number): string[] {
  let start = 0;
  while (start < raw.length && raw[start]!.startsWith(":")) start += 2;
  let size = 0;
  for (let at = start; at < raw.length; at += 2) size += raw[at]!.length + raw[at + 1]!.length + LINE;
  if (size > limit) throw new errors.HeadersOverflowError();
  return raw.slice(start);
}

/** The same of a trailer section, in which a length would have no honest use (RFC 9110 section 6.5.1). */
export function trailerFields(raw: readonly string[], limit: number): string[] {
  const fields = responseFields(raw, limit);
  for (let at = 0; at < fields.length; at += 2) {
    if (fields[at] === "content-length") throw streamReset(constants.NGHTTP2_PROTOCOL_ERROR);
  }
  return fields;
}
