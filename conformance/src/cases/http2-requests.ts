import { type ConformanceCase, exchange, script } from "../conformance-case.ts";
import { asks, data, type Frame, frame, headers, priority, push, reset } from "../frames.ts";
import type { RawField } from "../http2-fields.ts";
import { HOST, request, response } from "../message.ts";

const area = (name: string): string => `http2-requests/${name}`;
const MALFORMED = "RFC 9113 section 8.1.1";
const FIELDS = "RFC 9113 section 8.2.1";
const CONNECTION = "RFC 9113 section 8.2.2";
const PSEUDO = "RFC 9113 section 8.3.1";
const SMUGGLING = "RFC 9113 section 10.3";
const EXTENDED = "RFC 8441 section 4";

type Row = readonly [name: string, title: string, rule: string, head: readonly RawField[]];

/** Heads that are malformed: refused with the stream or with a 4xx, and never sent on (RFC 9113 section 8.1.1). */
const HEADS: readonly Row[] = [
  ["upper-case-name", "a name in upper case", FIELDS, asks(["X-Upper: 1"])],
  ["empty-name", "an empty name", FIELDS, asks([["", "1"]])],
  ["space-in-name", "a space in a name", FIELDS, asks([["x bad", "1"]])],
  ["field-in-name", "a field and a line end in a name", FIELDS, asks([["x-a: 1\r\nx-b", "2"]])],
  ["lf-in-name", "a line feed in a name", FIELDS, asks([["x-a\nx-b", "1"]])],
  ["nul-in-value", "a NUL in a value", FIELDS, asks([["x-bad", "a\0b"]])],
  ["lf-in-value", "a line feed in a value", FIELDS, asks([["x-bad", "a\nx-forged: b"]])],
  ["crlf-in-value", "a CRLF in a value", FIELDS, asks([["x-bad", "a\r\nx-forged: b"]])],
  ["space-before-value", "a value that begins with a space", FIELDS, asks([["x-bad", " a"]])],
  ["space-after-value", "a value that ends in a tab", FIELDS, asks([["x-bad", "a\t"]])],
  ["connection", "Connection", CONNECTION, asks(["connection: x-hop", "x-hop: 4711"])],
  ["keep-alive", "Keep-Alive", CONNECTION, asks(["keep-alive: timeout=4711"])],
  ["proxy-connection", "Proxy-Connection", CONNECTION, asks(["proxy-connection: keep-alive"])],
  ["transfer-encoding", "Transfer-Encoding", CONNECTION, asks(["transfer-encoding: chunked"])],
  ["upgrade", "Upgrade", CONNECTION, asks(["upgrade: websocket"])],
  ["te", "a TE that is not trailers", CONNECTION, asks(["te: gzip"])],
  ["no-method", "no :method", PSEUDO, asks([], { ":method": undefined })],
  ["no-scheme", "no :scheme", PSEUDO, asks([], { ":scheme": undefined })],
  ["no-path", "no :path", PSEUDO, asks([], { ":path": undefined })],
  ["empty-path", "an empty :path", PSEUDO, asks([], { ":path": "" })],
  ["two-paths", "two :path", PSEUDO, [":path: /other", ...asks()]],
  ["two-methods", "two :method", PSEUDO, [":method: PUT", ...asks()]],
  ["two-authorities", "two :authority", PSEUDO, [":authority: other.example", ...asks()]],
  ["unknown-pseudo", "a pseudo field that there is not", "RFC 9113 section 8.3", asks([], { ":unknown": "1" })],
  ["status", "a :status", "RFC 9113 section 8.3", asks([], { ":status": "200" })],
  [
    "pseudo-after-field",
    "a pseudo field after a field",
    "RFC 9113 section 8.3",
    [...asks([], { ":path": undefined }), ":path: /"],
  ],
  ["method-with-line", "a :method that is a request line", SMUGGLING, asks([], { ":method": "GET /4711 HTTP/1.1" })],
  [
    "path-with-line",
    "a :path that ends the request line",
    SMUGGLING,
    asks([], { ":path": "/ HTTP/1.1\r\nx-forged: 1" }),
  ],
  ["length-without-content", "a Content-Length and no content", MALFORMED, asks(["content-length: 3"])],
  ["connect-with-path", "CONNECT with a :path", "RFC 9113 section 8.5", asks([], { ":method": "CONNECT" })],
  ["protocol-without-connect", "a :protocol without CONNECT", EXTENDED, asks([], { ":protocol": "websocket" })],
  [
    "extended-connect-without-path",
    "an extended CONNECT without a :path",
    EXTENDED,
    asks([], { ":method": "CONNECT", ":protocol": "websocket", ":path": undefined }),
  ],
];

/** Heads that should be refused, or need not be. */
const DOUBTFUL: readonly Row[] = [
  ["no-authority", "neither :authority nor Host", PSEUDO, asks([], { ":authority": undefined })],
  ["path-with-space", "a :path with a space", SMUGGLING, asks([], { ":path": "/a b" })],
  ["path-without-slash", "a :path without a slash", PSEUDO, asks([], { ":path": "no-slash" })],
  ["path-absolute", "a :path that is a URI", PSEUDO, asks([], { ":path": "http://other.example/" })],
  ["asterisk-get", "a :path of * with GET", PSEUDO, asks([], { ":path": "*" })],
  ["scheme-with-uri", "a :scheme that is more than one", SMUGGLING, asks([], { ":scheme": "http://other.example/?" })],
  ["authority-with-path", "an :authority with a path", PSEUDO, asks([], { ":authority": `${HOST}/forged` })],
  ["authority-with-space", "an :authority with a space", PSEUDO, asks([], { ":authority": "a b" })],
  ["length-word", "a Content-Length that is not a number", MALFORMED, asks(["content-length: three"])],
  ["length-sign", "a Content-Length with a sign", MALFORMED, asks(["content-length: +0"])],
  ["two-hosts", "a Host that is not the :authority", PSEUDO, asks(["host: other.example"])],
  ["userinfo", "an :authority with a user", PSEUDO, asks([], { ":authority": `user@${HOST}` })],
  ["fragment", "a :path with a fragment", PSEUDO, asks([], { ":path": "/a#b" })],
  ["control-in-path", "a :path with a control character", PSEUDO, asks([], { ":path": "/a\x01b" })],
  [
    "connect",
    "CONNECT",
    "RFC 9113 section 8.5",
    asks([], { ":method": "CONNECT", ":scheme": undefined, ":path": undefined }),
  ],
  ["huge-head", "a head of 2 MiB", "RFC 9113 section 10.5.1", asks([`x-big: ${"x".repeat(2 * 1024 * 1024)}`])],
];

const put = asks([], { ":method": "PUT" });
const putLength = asks(["content-length: 3"], { ":method": "PUT" });
const putTrailers = asks(["trailer: x-sum"], { ":method": "PUT" });

/** Requests that turn out to be malformed after their head: never complete for the origin. */
const LATE: readonly (readonly [name: string, title: string, rule: string, frames: readonly Frame[]])[] = [
  ["length-longer", "less content than its Content-Length", MALFORMED, [headers(putLength), data("ab", { end: true })]],
  [
    "length-shorter",
    "more content than its Content-Length",
    MALFORMED,
    [headers(putLength), data("abcd", { end: true })],
  ],
  [
    "length-longer-trailers",
    "less content than its Content-Length, and trailers",
    MALFORMED,
    [headers(putLength), data("ab"), headers(["x-sum: 1"], { end: true })],
  ],
  [
    "lengths",
    "two Content-Length",
    MALFORMED,
    [headers(asks(["content-length: 3", "content-length: 5"], { ":method": "PUT" })), data("abc", { end: true })],
  ],
  [
    "length-list",
    "a Content-Length of different members",
    MALFORMED,
    [headers(asks(["content-length: 3, 5"], { ":method": "PUT" })), data("abc", { end: true })],
  ],
  ...(
    [
      ["pseudo", "a pseudo field", ":path: /forged", "RFC 9113 section 8.1"],
      ["upper-case", "a name in upper case", "X-Sum: 1", FIELDS],
      ["connection", "Connection", "connection: x-sum", CONNECTION],
      ["transfer-encoding", "Transfer-Encoding", "transfer-encoding: chunked", CONNECTION],
      ["lf-in-value", "a line feed in a value", ["x-sum", "a\nx-forged: b"], FIELDS],
      ["space-before-value", "a value that begins with a space", ["x-sum", " 1"], FIELDS],
    ] as const
  ).map(
    ([name, title, line, rule]) =>
      [
        `trailers-${name}`,
        `${title} among its trailers`,
        rule,
        [headers(putTrailers), data("abc"), headers([line], { end: true })],
      ] as const,
  ),
  [
    "trailers-without-end",
    "trailers that do not end the stream",
    "RFC 9113 section 8.1",
    [headers(putTrailers), data("abc"), headers(["x-sum: 1"]), data("def", { end: true })],
  ],
];

/** Trailers that are more than anyone takes: an error, never cut short. */
const OVERSIZE: readonly (readonly [name: string, title: string, trailers: readonly string[]])[] = [
  ["oversize", "128 KiB of trailers", [`x-sum: ${"x".repeat(131_072)}`]],
  ["too-many", "5,000 trailers", Array.from({ length: 5_000 }, () => "x-sum: 1")],
];

/** Requests that are right, however odd their frames: they arrive like any other. */
const ODD: readonly (readonly [name: string, title: string, rule: string, frames: readonly Frame[]])[] = [
  [
    "continuation",
    "a head in five frames",
    "RFC 9113 section 6.10",
    [headers(put, { split: 5 }), data("abc", { end: true })],
  ],
  [
    "padding",
    "padded frames",
    "RFC 9113 section 6.1",
    [headers(put, { padding: 100 }), data("ab", { padding: 255 }), data("c", { padding: 0, end: true })],
  ],
  [
    "empty-frames",
    "empty DATA frames",
    "RFC 9113 section 6.1",
    [headers(put), data(""), data("abc"), data(""), data("", { end: true })],
  ],
  [
    "unknown-frames",
    "frames of an unknown type",
    "RFC 9113 section 5.5",
    [
      frame(0xbe, "what?", { on: 0 }),
      headers(put),
      frame(0xbe, "what?"),
      data("abc"),
      frame(0xbe, "?"),
      data("", { end: true }),
    ],
  ],
  ["priority", "a PRIORITY frame", "RFC 9113 section 5.3.2", [headers(put), priority(), data("abc", { end: true })]],
  [
    "reserved-bits",
    "flags that have no meaning",
    "RFC 9113 section 4.1",
    [headers(put), frame(0, "abc", { bits: 0xf0 }), data("", { end: true })],
  ],
  ["length", "a Content-Length that is right", MALFORMED, [headers(putLength), data("a"), data("bc", { end: true })]],
  [
    "host-and-authority",
    "a Host that is the :authority",
    PSEUDO,
    [headers(asks([`host: ${HOST}`], { ":method": "PUT" })), data("abc", { end: true })],
  ],
  [
    "host-alone",
    "a Host and no :authority",
    PSEUDO,
    [headers(asks([`host: ${HOST}`], { ":method": "PUT", ":authority": undefined })), data("abc", { end: true })],
  ],
  [
    "pseudo-order",
    "pseudo fields in another order",
    "RFC 9113 section 8.3",
    [headers([":path: /", ":authority: a", ...put.slice(0, 2), ...put.slice(4)]), data("abc", { end: true })],
  ],
];

/** What ends the connection, if not with the first of these then with the next. */
const CONNECTION_ERRORS: readonly (readonly [name: string, title: string, rule: string, frames: readonly Frame[]])[] = [
  ["data-on-zero", "DATA on stream 0", "RFC 9113 section 6.1", [headers(put), frame(0, "abc", { on: 0 })]],
  [
    "headers-on-even",
    "a request on an even stream",
    "RFC 9113 section 5.1.1",
    [headers(put), frame(1, "\x82\x84\x86", { on: 2, bits: 5 })],
  ],
  ["data-on-idle", "DATA on a stream that is idle", "RFC 9113 section 5.1", [headers(put), frame(0, "a", { on: 99 })]],
  ["push", "a PUSH_PROMISE", "RFC 9113 section 8.4", [headers(put), push(asks())]],
  [
    "lone-continuation",
    "a CONTINUATION of nothing",
    "RFC 9113 section 6.10",
    [headers(put), frame(9, "", { bits: 4 })],
  ],
  [
    "within-block",
    "a frame within a field block",
    "RFC 9113 section 6.10",
    [headers(put), frame(1, "", { on: 3 }), data("abc", { end: true })],
  ],
  [
    "huge-frame",
    "a frame larger than was allowed",
    "RFC 9113 section 4.2",
    [headers(put), frame(0, "abc", { length: 2 ** 24 - 1 })],
  ],
  ["bad-settings", "SETTINGS of five bytes", "RFC 9113 section 6.5", [headers(put), frame(4, "12345", { on: 0 })]],
  ["bad-ping", "a PING of seven bytes", "RFC 9113 section 6.7", [headers(put), frame(6, "1234567", { on: 0 })]],
  [
    "bad-block",
    "a field block that cannot be decoded",
    "RFC 9113 section 4.3",
    [headers(put), frame(1, "\xff\xff\xff\xff\xff\xff", { bits: 5 })],
  ],
];

/** Requests of HTTP/2, frame by frame: malformed ones are never sent on, odd ones arrive. */
export const http2Requests: readonly ConformanceCase[] = [
  ...HEADS.map((row) => turnedDown(row, false)),
  ...DOUBTFUL.map((row) => turnedDown(row, true)),
  ...LATE.map(([name, title, rule, frames]) =>
    script({
      id: area(name),
      title: `a request with ${title} is never complete for the origin`,
      rules: [rule, SMUGGLING],
      client: [{ send: frames }, { see: { end: "refused" } }],
      origin: [{ see: { end: "broken", nowhere: ["forged"] } }],
      reached: "maybe",
    }),
  ),
  ...OVERSIZE.map(([name, title, trailers]) =>
    script({
      id: area(`trailers-${name}`),
      title: `a request with ${title} is an error, and its trailers are not cut short`,
      rules: ["G11", "RFC 9113 section 10.5.1"],
      choice: true,
      client: [
        { send: [headers(putTrailers), data("abc"), headers(trailers, { end: true, split: 9 })] },
        { see: { end: "refused" } },
      ],
      origin: [{ see: { end: "broken" } }],
      reached: "maybe",
    }),
  ),
  ...ODD.map(([name, title, rule, frames]) =>
    exchange({
      id: area(`odd-${name}`),
      title: `${title}: the request arrives like any other`,
      rules: [rule],
      sends: frames,
      originSees: { method: "PUT", target: "/", content: "abc", once: ["Host"] },
      originSends: response({ content: "def" }),
      clientSees: { status: 200, content: "def" },
    }),
  ),
  ...CONNECTION_ERRORS.map(([name, title, rule, frames]) =>
    script({
      id: area(`connection-error-${name}`),
      title: `${title} ends what is going on, and the origin never sees it whole`,
      rules: [rule, "RFC 9113 section 5.4.1"],
      client: [{ send: frames }, { see: { end: "refused" } }],
      origin: [{ see: { end: "broken" } }],
      reached: "maybe",
    }),
  ),
  script({
    id: area("data-after-end"),
    title: "DATA after the end of a request does not belong to it",
    rules: ["RFC 9113 section 5.1"],
    client: [
      { send: [headers(put), data("abc", { end: true }), data("forged", { end: true })] },
      { see: { end: "either" } },
    ],
    origin: [{ see: { end: "either", nowhere: ["forged"] } }, { send: response() }],
    reached: "maybe",
  }),
  script({
    id: area("headers-after-end"),
    title: "a field section after the end of a request does not belong to it",
    rules: ["RFC 9113 section 5.1"],
    client: [
      { send: [headers(put), data("abc", { end: true }), headers(["x-sum: forged"], { end: true })] },
      { see: { end: "either" } },
    ],
    origin: [{ see: { end: "either", nowhere: ["forged"] } }, { send: response() }],
    reached: "maybe",
  }),
  script({
    id: area("two-hosts-read-once"),
    title: "of a Host that is not the :authority the origin sees one at most",
    rules: [PSEUDO, "RFC 9112 section 3.2"],
    client: [{ send: [headers(asks(["host: other.example"]), { end: true })] }, { see: { end: "either" } }],
    origin: [{ see: { end: "either", once: ["Host"], nowhere: ["other.example"] } }, { send: response() }],
    reached: "maybe",
  }),
  script({
    id: area("same-length-twice"),
    title: "the same Content-Length twice is one length or an error",
    rules: ["RFC 9110 section 8.6", MALFORMED],
    client: [
      {
        send: [
          headers(asks(["content-length: 3", "content-length: 3"], { ":method": "PUT" })),
          data("abc", { end: true }),
        ],
      },
      { see: { end: "either" } },
    ],
    origin: [{ see: { end: "either", nowhere: ["3, 3"] } }, { send: response() }],
    reached: "maybe",
  }),
  exchange({
    id: area("cookie-crumbs"),
    title: "cookies that came in several fields are one field in HTTP/1.1, joined by a semicolon",
    rules: ["rule 77", "RFC 9113 section 8.2.3"],
    only: { client: "2", origin: "1.1" },
    sends: request({ fields: ["Cookie: a=1", "Cookie: b=2; c=3", "Cookie: d=4"] }),
    originSees: { fields: ["Cookie: a=1; b=2; c=3; d=4"] },
    originSends: response(),
    clientSees: { status: 200 },
  }),
  script({
    id: area("extended-connect-unknown"),
    title: "an extended CONNECT to an unknown protocol is refused, by the proxy or by the origin",
    rules: [EXTENDED],
    client: [
      { send: [headers(asks([], { ":method": "CONNECT", ":protocol": "unknown" }))] },
      { see: { end: "refused" } },
    ],
    origin: [{ seeHead: {} }, { send: response({ status: 501 }) }],
    reached: "maybe",
  }),
  script({
    id: area("reset-after-request"),
    title: "the origin notices a client that resets its stream after the request",
    rules: ["rule 9", "RFC 9113 section 5.4.2"],
    choice: true,
    client: [{ send: [headers(asks(), { end: true })] }, { after: "arrived" }, { send: [reset("CANCEL")] }],
    origin: [{ see: {} }, { mark: "arrived" }, { seeEnd: true }],
  }),
];

function turnedDown([name, title, rule, head]: Row, choice: boolean): ConformanceCase {
  // A head of 2 MiB does not fit into one frame.
  const split = name === "huge-head" ? 140 : 1;
  return script({
    id: area(name),
    title: `a request with ${title} is refused`,
    rules: [rule, SMUGGLING],
    choice,
    client: [{ send: [headers(head, { end: true, split })] }, { see: { end: "refused" } }],
    origin: [{ see: { end: "broken" } }],
    reached: "maybe",
  });
}
