import * as fc from "fast-check";

/** A response to `method` as it stands on the wire, latin1. */
export interface WireResponse {
  readonly method: string;
  readonly text: string;
}

/** One of the characters of `characters`. */
export function anyOf(characters: string): fc.Arbitrary<string> {
  return fc.constantFrom(...characters.split(""));
}

const token = fc.string({
  unit: anyOf("abcxyzABCXYZ0189!#$%&'*+-.^_`|~"),
  minLength: 1,
  maxLength: 12,
});

const visible = anyOf("abcXYZ019 ,;:=\"'()<>@[]{}/?\\\t\u0080\u00a0\u00ff");
const text = fc.string({ unit: visible, maxLength: 20 });
const whitespace = fc.constantFrom("", " ", " ", " ", "\t", "  ", " \t ");

const fieldName = fc.oneof(
  { arbitrary: token, weight: 3 },
  { arbitrary: fc.constantFrom("Set-Cookie", "X-Same", "x-same", "ETag", "Trailer", "__proto__"), weight: 1 },
);

const fieldLine = fc
  .tuple(fieldName, whitespace, text, whitespace)
  .filter(([name]) => !/^(?:content-length|transfer-encoding|connection|upgrade)$/i.test(name))
  .map(([name, before, value, after]) => `${name}:${before}${value}${after}\r\n`);

const connectionLine = fc.constantFrom(
  "Connection: close\r\n",
  "Connection: keep-alive\r\n",
  "connection: Keep-Alive, x\r\n",
  "Keep-Alive: timeout=5\r\n",
);

const fieldLines = fc.array(fc.oneof({ arbitrary: fieldLine, weight: 5 }, { arbitrary: connectionLine, weight: 1 }), {
  maxLength: 5,
});

const reason = fc.oneof(
  fc.constantFrom("", " ", " OK", " Not Found"),
  text.map((words) => ` ${words}`),
);

const interim = fc
  .tuple(fc.constantFrom(100, 102, 103, 199), reason, fc.array(fieldLine, { maxLength: 2 }))
  .map(([status, words, lines]) => `HTTP/1.1 ${status}${words}\r\n${lines.join("")}\r\n`);

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

/** A framing field, or none, and what follows the head. */
const framed = fc.oneof(
  fc
    .tuple(fc.constantFrom("Content-Length", "content-length"), whitespace, content)
    .map(([name, space, body]) => ({ line: `${name}:${space}${body.length}\r\n`, body })),
  fc
    .tuple(fc.constantFrom("Transfer-Encoding", "transfer-encoding"), fc.constantFrom("chunked", "Chunked"), chunked)
    .map(([name, coding, body]) => ({ line: `${name}: ${coding}\r\n`, body })),
  content.map((body) => ({ line: "", body })),
);

/** Responses that nobody has anything against. */
export const validResponse: fc.Arbitrary<WireResponse> = fc
  .record({
    interims: fc.array(interim, { maxLength: 2 }),
    status: fc.constantFrom(200, 200, 200, 201, 204, 206, 304, 404, 413, 599),
    method: fc.constantFrom("GET", "GET", "GET", "PUT", "HEAD"),
    old: fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0),
    reason,
    before: fieldLines,
    after: fieldLines,
    framed,
  })
  .filter(({ old, framed: { line } }) => !old || !/^transfer/i.test(line))
  .map(({ interims, status, method, old, reason: words, before, after, framed: { line, body } }) => {
    const empty = method === "HEAD" || status === 204 || status === 304;
    const start = `HTTP/1.${old ? 0 : 1} ${status}${words}\r\n`;
    const head = `${start}${before.join("")}${line}${after.join("")}\r\n`;
    return { method, text: interims.join("") + head + (empty ? "" : body) };
  });

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
