import * as fc from "fast-check";

/** One of the characters of `characters`. */
export function anyOf(characters: string): fc.Arbitrary<string> {
  return fc.constantFrom(...characters.split(""));
}

/** Tokens, such as names of fields (RFC 9110 section 5.6.2). */
const token: fc.Arbitrary<string> = fc.string({
  unit: anyOf("abcxyzABCXYZ0189!#$%&'*+-.^_`|~"),
  minLength: 1,
  maxLength: 12,
});

/** Text such as a field value or a reason phrase may be. */
export const text: fc.Arbitrary<string> = fc.string({
  unit: anyOf("abcXYZ019 ,;:=\"'()<>@[]{}/?\\\t\u0080\u00a0\u00ff"),
  maxLength: 20,
});

const whitespace = fc.constantFrom("", " ", " ", " ", "\t", "  ", " \t ");

const fieldName = fc.oneof(
  { arbitrary: token, weight: 3 },
  { arbitrary: fc.constantFrom("Set-Cookie", "X-Same", "x-same", "ETag", "Trailer", "__proto__"), weight: 1 },
);

/** A field line that says nothing of the message itself or of the connection. */
export const fieldLine: fc.Arbitrary<string> = fc
  .tuple(fieldName, whitespace, text, whitespace)
  .filter(([name]) => !/^(?:content-length|transfer-encoding|connection|upgrade|host|expect)$/i.test(name))
  .map(([name, before, value, after]) => `${name}:${before}${value}${after}\r\n`);

const connectionLine = fc.constantFrom(
  "Connection: close\r\n",
  "Connection: keep-alive\r\n",
  "connection: Keep-Alive, x\r\n",
  "Keep-Alive: timeout=5\r\n",
);

/** Field lines, some of which are about the connection. */
export const fieldLines: fc.Arbitrary<string[]> = fc.array(
  fc.oneof({ arbitrary: fieldLine, weight: 5 }, { arbitrary: connectionLine, weight: 1 }),
  { maxLength: 5 },
);

const content = fc.string({ unit: anyOf("abc\r\n:0 \u00ff\0"), maxLength: 30 });

const quoted = fc.string({ unit: anyOf("ab ;=,\t\u00ff"), maxLength: 6 });
const extension = fc
  .tuple(
    token,
    fc.oneof(
      fc.constant(""),
      token.map((value) => `=${value}`),
      quoted.map((value) => `="${value}"`),
    ),
  )
  .map(([name, value]) => `;${name}${value}`);
const extensions = fc.oneof(
  { arbitrary: fc.constant(""), weight: 3 },
  { arbitrary: fc.array(extension, { maxLength: 2 }).map((all) => all.join("")), weight: 1 },
);

const zeros = fc.constantFrom("", "", "", "0", "000");
const chunk = fc
  .tuple(
    zeros,
    content.filter((data) => data !== ""),
    extensions,
    fc.boolean(),
  )
  .map(([padding, data, extra, upper]) => {
    const digits = data.length.toString(16);
    return `${padding}${upper ? digits.toUpperCase() : digits}${extra}\r\n${data}\r\n`;
  });

const chunked = fc
  .tuple(fc.array(chunk, { maxLength: 4 }), zeros, extensions, fc.array(fieldLine, { maxLength: 3 }))
  .map(([chunks, padding, extra, trailers]) => `${chunks.join("")}0${padding}${extra}\r\n${trailers.join("")}\r\n`);

/** Content as it stands after a head, and the field line that says where it ends, or none. */
export interface FramedContent {
  readonly line: string;
  readonly body: string;
}

/** Content with a length. */
export const counted: fc.Arbitrary<FramedContent> = fc
  .tuple(fc.constantFrom("Content-Length", "content-length"), whitespace, content)
  .map(([name, space, body]) => ({ line: `${name}:${space}${body.length}\r\n`, body }));

/** Chunked content, with what may stand around and after it. */
export const inChunks: fc.Arbitrary<FramedContent> = fc
  .tuple(fc.constantFrom("Transfer-Encoding", "transfer-encoding"), fc.constantFrom("chunked", "Chunked"), chunked)
  .map(([name, coding, body]) => ({ line: `${name}: ${coding}\r\n`, body }));

/** Content that lasts until the connection ends. */
export const untilClose: fc.Arbitrary<FramedContent> = content.map((body) => ({ line: "", body }));

/** Where to cut some bytes into pieces. */
export const cuts: fc.Arbitrary<(bytes: Buffer) => Buffer[]> = fc
  .oneof(fc.constant([1]), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }))
  .map((sizes) => (bytes) => {
    const pieces: Buffer[] = [];
    for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
      const size = sizes[turn % sizes.length]!;
      pieces.push(bytes.subarray(at, at + size));
      at += size;
    }
    return pieces;
  });
