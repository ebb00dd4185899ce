import { type ConformanceCase, exchange, refused, script, unambiguous } from "../conformance-case.ts";
import { CASE, HOST, request, response } from "../message.ts";

const area = (name: string): string => `smuggling/${name}`;
const HIDDEN = `GET /hidden HTTP/1.1\r\nHost: ${HOST}\r\n${CASE}\r\n\r\n`;

/** A request head of these lines, and what follows it. */
function raw(lines: readonly string[], body = "", start = "POST / HTTP/1.1"): string {
  return [start, `Host: ${HOST}`, CASE, ...lines].map((line) => `${line}\r\n`).join("") + `\r\n${body}`;
}

const CL_TE = raw(["Content-Length: 4", "Transfer-Encoding: chunked"], `0\r\n\r\n${HIDDEN}`);
/** Status codes for what is refused at its head or within its content. */
const REFUSALS = [400, 405, 411, 414, 431, 501, 505];
const TE = "RFC 9112 section 6.1";
const CL = "RFC 9112 section 6.3";
const LINE = "RFC 9112 section 2.2";
const FIELD = "RFC 9112 section 5.1";
const CHUNK = "RFC 9112 section 7.1";

/** What a server has to refuse, by the letter of the RFCs. */
const MUST: readonly (readonly [name: string, title: string, rfc: string, sends: string])[] = [
  ["space-before-colon", "a space between a field's name and the colon", FIELD, raw(["X-Bad : 1"])],
  [
    "te-space-before-colon",
    "Transfer-Encoding with a space before the colon",
    FIELD,
    raw(["Transfer-Encoding : chunked", "Content-Length: 3"], "abc"),
  ],
  ["duplicate-length", "two different Content-Length", CL, raw(["Content-Length: 3", "Content-Length: 5"], "abcde")],
  ["length-list", "a Content-Length of different members", CL, raw(["Content-Length: 3, 5"], "abcde")],
  ["length-plus", "a Content-Length with a sign", CL, raw(["Content-Length: +3"], "abc")],
  ["length-minus", "a negative Content-Length", CL, raw(["Content-Length: -1"])],
  ["length-hex", "a Content-Length in hexadecimal", CL, raw(["Content-Length: 0x3"], "abc")],
  ["length-word", "a Content-Length that is not a number", CL, raw(["Content-Length: three"], "abc")],
  ["length-inner-space", "a Content-Length with a space in it", CL, raw(["Content-Length: 3 3"], "abc")],
  [
    "te-not-last",
    "chunked that is not the last transfer coding",
    CL,
    raw(["Transfer-Encoding: chunked, identity"], "0\r\n\r\n"),
  ],
  ["no-host", "no Host in HTTP/1.1", "RFC 9112 section 3.2", `GET / HTTP/1.1\r\n${CASE}\r\n\r\n`],
  ["two-hosts", "two Host", "RFC 9112 section 3.2", raw(["Host: other.example"], "", "GET / HTTP/1.1")],
  ["bad-host", "an invalid Host", "RFC 9112 section 3.2", `GET / HTTP/1.1\r\nHost: a b\r\n${CASE}\r\n\r\n`],
  ["host-with-path", "a Host with a path", "RFC 9112 section 3.2", `GET / HTTP/1.1\r\nHost: a/b\r\n${CASE}\r\n\r\n`],
];

/**
 * What should be refused, or may be, or else be read in one way only: nothing hidden in it becomes another request, and
 * what is in the last column goes no further.
 */
const AMBIGUOUS: readonly (readonly [name: string, title: string, rfc: string, sends: string, nowhere?: string])[] = [
  ["cl-te", "both Content-Length and Transfer-Encoding, the length first", CL, CL_TE],
  [
    "te-cl",
    "both, the transfer coding first",
    CL,
    raw(["Transfer-Encoding: chunked", "Content-Length: 4"], `0\r\n\r\n${HIDDEN}`),
  ],
  ["te-twice", "chunked twice in one line", TE, raw(["Transfer-Encoding: chunked, chunked"], `0\r\n\r\n${HIDDEN}`)],
  [
    "te-two-lines",
    "two Transfer-Encoding lines",
    TE,
    raw(["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], `0\r\n\r\n${HIDDEN}`),
  ],
  [
    "te-vertical-tab",
    "a vertical tab ahead of chunked",
    TE,
    raw(["Transfer-Encoding: \x0bchunked", "Content-Length: 4"], `0\r\n\r\n${HIDDEN}`),
  ],
  [
    "te-folded",
    "Transfer-Encoding in a folded line",
    "RFC 9112 section 5.2",
    raw(["Transfer-Encoding:", " chunked", "Content-Length: 4"], `0\r\n\r\n${HIDDEN}`),
  ],
  [
    "te-http10",
    "a transfer coding in HTTP/1.0",
    TE,
    raw(["Transfer-Encoding: chunked", "Content-Length: 4"], `0\r\n\r\n${HIDDEN}`, "POST / HTTP/1.0"),
  ],
  ["same-length-twice", "the same Content-Length twice", CL, raw(["Content-Length: 3", "Content-Length: 3"], "abc")],
  ["same-length-list", "a Content-Length of the same members", CL, raw(["Content-Length: 3, 3"], "abc")],
  ["folded", "a folded field line", "RFC 9112 section 5.2", raw(["X-Fold: a", " b"])],
  ["bare-lf-in-head", "a bare LF at the end of a field line", LINE, raw(["X-A: 1\nX-B: 2"])],
  [
    "chunk-size-space",
    "a space after a chunk size",
    CHUNK,
    raw(["Transfer-Encoding: chunked"], `3 \r\nabc\r\n0\r\n\r\n`),
  ],
  [
    "chunk-bare-lf",
    "a chunk size line that ends in a bare LF",
    CHUNK,
    raw(["Transfer-Encoding: chunked"], `3\nabc\r\n0\r\n\r\n`),
  ],
  [
    "chunk-extension-bare-lf",
    "a bare LF in a chunk extension",
    CHUNK,
    raw(["Transfer-Encoding: chunked"], `3;a\n\r\nabc\r\n0\r\n\r\n`),
  ],
  [
    "chunk-extension-bare-cr",
    "a bare CR in a chunk extension",
    CHUNK,
    raw(["Transfer-Encoding: chunked"], `3;a\rb\r\nabc\r\n0\r\n\r\n`),
  ],
  [
    "last-chunk-bare-lf",
    "bare LF after the last chunk",
    CHUNK,
    raw(["Transfer-Encoding: chunked"], `3\r\nabc\r\n0\n\n`),
  ],
  ["double-space", "two spaces in the request line", "RFC 9112 section 3", raw([], "", "GET  / HTTP/1.1")],
  ["space-in-target", "a space in the target", "RFC 9112 section 3", raw([], "", "GET /a b HTTP/1.1")],
  ["control-in-target", "a control character in the target", "RFC 9112 section 3", raw([], "", "GET /a\x01b HTTP/1.1")],
  [
    "hidden-after-get",
    "bytes after a GET without content",
    CL,
    raw([], "xGET /hidden HTTP/1.1\r\n\r\n", "GET / HTTP/1.1"),
  ],
  ["te-unknown", "an unknown transfer coding", TE, raw(["Transfer-Encoding: xchunked"], "0\r\n\r\n")],
  ["nul-in-value", "a NUL in a field", "RFC 9110 section 5.5", raw(["X-Bad: a\0b"]), "\0"],
  ["bare-cr-in-value", "a bare CR in a field", LINE, raw(["X-Bad: a\rX-Other: b"]), "\rX-Other"],
  ["space-in-name", "a space in a field's name", FIELD, raw(["X Bad: 1"])],
  [
    "space-before-first-field",
    "whitespace ahead of the first field line",
    LINE,
    `GET / HTTP/1.1\r\n X-Bad: 1\r\nHost: ${HOST}\r\n${CASE}\r\n\r\n`,
    " X-Bad: 1",
  ],
  ["no-colon", "a field line without a colon", FIELD, raw(["X-Bad"])],
  ["bad-version", "an invalid version", "RFC 9112 section 2.3", raw([], "", "GET / HTTP/1.x")],
  ["chunk-size-empty", "a chunk without a size", CHUNK, raw(["Transfer-Encoding: chunked"], `\r\nabc\r\n0\r\n\r\n`)],
  ["chunk-size-sign", "a chunk size with a sign", CHUNK, raw(["Transfer-Encoding: chunked"], `+3\r\nabc\r\n0\r\n\r\n`)],
  ["chunk-size-prefix", "a chunk size with 0x", CHUNK, raw(["Transfer-Encoding: chunked"], `0x3\r\nabc\r\n0\r\n\r\n`)],
  [
    "chunk-size-overflow",
    "a chunk size beyond 64 bits",
    CHUNK,
    raw(["Transfer-Encoding: chunked"], `10000000000000003\r\nabc\r\n0\r\n\r\n`),
  ],
  [
    "chunk-data-longer",
    "chunk data longer than its size",
    CHUNK,
    raw(["Transfer-Encoding: chunked"], `3\r\nabcdef\r\n0\r\n\r\n`),
  ],
];

/** RFC 9112 section 3 lets recipients split a request line at any whitespace; and bytes after a request are the next one's. */
const LENIENT: ReadonlySet<string> = new Set(["double-space", "hidden-after-get"]);

/** What an origin may say that could be read in two ways: never handed on as it came. */
const RESPONSES: readonly (readonly [name: string, title: string, rfc: string, sends: string])[] = [
  [
    "cl-te",
    "both Content-Length and Transfer-Encoding",
    CL,
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
  ],
  [
    "te-unknown",
    "an unknown transfer coding",
    TE,
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
  ],
  ["space-before-colon", "a space before a colon", FIELD, "HTTP/1.1 200 OK\r\nX-Bad : 1\r\nContent-Length: 0\r\n\r\n"],
  [
    "chunk-size-prefix",
    "a chunk size with 0x",
    CHUNK,
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
  ],
  ["bare-cr", "a bare CR in a field", LINE, "HTTP/1.1 200 OK\r\nX-A: 1\rX-B: 2\r\nContent-Length: 0\r\n\r\n"],
];

/** Requests and responses made to be read in two ways (request smuggling, response splitting). */
export const smuggling: readonly ConformanceCase[] = [
  ...MUST.map(([name, title, rfc, sends]) =>
    refused({ id: area(name), title: `${title} is refused`, rules: [rfc], sends, status: REFUSALS }),
  ),
  ...AMBIGUOUS.map(([name, title, rfc, sends, nowhere = "/hidden HTTP"]) =>
    unambiguous({
      id: area(`${name}-read-once`),
      title: `${title}: nothing in it becomes another request, or is forwarded unchanged`,
      rules: [rfc],
      sends,
      // What of it is seen at all is well-formed.
      originSees: { end: "either", nowhere: [nowhere] },
    }),
  ),
  ...AMBIGUOUS.filter(([name]) => !LENIENT.has(name)).map(([name, title, rfc, sends]) =>
    script({
      id: area(`${name}-refused`),
      title: `${title} is refused`,
      rules: [rfc],
      choice: true,
      client: [{ send: sends }, { see: { status: REFUSALS } }],
      // What is wrong with its content is seen when its head has gone on.
      origin: rfc === CHUNK ? [{ see: { end: "broken" } }] : [],
      reached: rfc === CHUNK ? "maybe" : "never",
    }),
  ),
  exchange({
    id: area("response-same-length-twice"),
    title: "a response with the same Content-Length twice is one length or an error",
    rules: ["rule 80", "G9", CL],
    choice: true,
    sends: request(),
    originSends: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    clientSees: { end: "either", nowhere: ["3, 3"] },
  }),
  ...RESPONSES.map(([name, title, rfc, sends]) =>
    exchange({
      id: area(`response-${name}`),
      title: `a response with ${title} is an error`,
      rules: [rfc],
      choice: true,
      sends: request(),
      originSends: sends,
      clientSees: { end: "broken" },
    }),
  ),
  script({
    id: area("response-unasked"),
    title: "bytes after a response are never the response to the next request",
    rules: ["RFC 9112 section 9.2"],
    client: [
      { send: request({ target: "/one" }) },
      { see: { status: 200, content: "one" } },
      { pause: 30 },
      { send: request({ target: "/two" }) },
      { see: { status: 200, content: "two" } },
    ],
    origin: [
      { see: { target: "/one" } },
      { send: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\noneHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged" },
      { see: { target: "/two" } },
      { send: response({ content: "two" }) },
    ],
    alone: true,
  }),
  ...(
    [
      ["head", request({ method: "HEAD" }), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"],
      ["204", request(), "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc"],
      ["304", request(), "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\nabc"],
    ] as const
  ).map(([name, first, sends]) =>
    script({
      id: area(`response-content-on-${name}`),
      title: `content where none may be (${name}) is never relayed, nor taken for the next response`,
      rules: ["rule 71", CL],
      client: [
        { send: first },
        { see: { toHead: true, end: "either" } },
        { pause: 30 },
        { send: request({ target: "/two" }) },
        { see: { status: 200, content: "two" } },
      ],
      origin: [{ see: {} }, { send: sends }, { see: { target: "/two" } }, { send: response({ content: "two" }) }],
      alone: true,
    }),
  ),
];
