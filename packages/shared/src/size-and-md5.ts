import { isDeepStrictEqual } from "node:util";

import { listMembers } from "./field-syntax.ts";

/** A value, or the reason why it is unusable. */
export type Parsed<T> = { readonly value: T } | { readonly fault: string };

/**
 * Reads the lines of `Md5`: the digest of the content as 32 hex digits. Lower case is what is sent; either case is
 * understood. The same value twice is one value, two values are a fault.
 */
export function parseMd5(lines: readonly string[]): Parsed<Buffer> {
  return parseOne(lines, (text) =>
    /^[0-9a-f]{32}$/i.test(text) ? { value: Buffer.from(text, "hex") } : { fault: "not 32 hexadecimal digits" },
  );
}

/** Reads the lines of `Content-MD5`: base64 of 16 bytes (RFC 1864; removed by RFC 7231, and still sent by object stores). */
export function parseContentMd5(lines: readonly string[]): Parsed<Buffer> {
  return parseOne(lines, (text) => {
    const value = Buffer.from(text, "base64");
    return value.length === 16 && value.toString("base64") === text
      ? { value }
      : { fault: "not the base64 of 16 bytes" };
  });
}

/** Reads the lines of `Size`: the number of bytes of the content, in decimal digits. */
export function parseSize(lines: readonly string[]): Parsed<number> {
  return parseOne(lines, (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    return Number.isSafeInteger(value) ? { value } : { fault: "not a decimal number of bytes" };
  });
}

/** The value of `Md5`: lower-case hex, as in the article this began with. */
export function formatMd5(digest: Buffer): string {
  return digest.toString("hex");
}

function parseOne<T>(lines: readonly string[], parse: (text: string) => Parsed<T>): Parsed<T> {
  const texts = new Set(lines.flatMap((line) => textsOf(line)));
  const [first = parse(""), ...others] = [...texts].map((text) => parse(text));
  return others.every((other) => isDeepStrictEqual(other, first))
    ? first
    : { fault: "came twice with different values" };
}

/** Combined lines come apart again; a line with nothing in it still counts, as an empty text. */
function textsOf(line: string): string[] {
  const members = listMembers(line);
  return members.length === 0 ? [""] : members;
}
