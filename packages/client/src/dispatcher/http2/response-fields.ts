import type { FieldLines } from "@trailsum/shared";
import { errors } from "undici";

/** What a field takes in HTTP/1.1 besides name and value: a colon, a space and the end of the line. */
const LINE = 4;

/**
 * The lines of a field section: name, value, ... Throws undici's `HeadersOverflowError` for more than `limit` bytes, counted as in
 * HTTP/1.1.
 */
export function receivedLines({ raw }: FieldLines, limit: number): string[] {
  let size = 0;
  for (let at = 0; at < raw.length; at += 2) size += raw[at]!.length + raw[at + 1]!.length + LINE;
  if (size > limit) throw new errors.HeadersOverflowError();
  return raw as string[];
}
