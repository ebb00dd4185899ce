import { type ConformanceCase, exchange, script } from "../conformance-case.ts";
import { data, type Frame, frame, goaway, headers, reset } from "../frames.ts";
import type { RawField } from "../http2-fields.ts";
import { request, response } from "../message.ts";

const area = (name: string): string => `http2-responses/${name}`;
const MALFORMED = "RFC 9113 section 8.1.1";
const FIELDS = "RFC 9113 section 8.2.1";
const CONNECTION = "RFC 9113 section 8.2.2";
const PSEUDO = "RFC 9113 section 8.3.2";

/** Heads and contents that are malformed: never passed on as an answer (RFC 9113 section 8.1.1). */
const BROKEN: readonly (readonly [name: string, title: string, rule: string, frames: readonly Frame[]])[] = [
  ...(
    [
      ["upper-case-name", "a name in upper case", FIELDS, ["X-Upper: 1"]],
      ["empty-name", "an empty name", FIELDS, [["", "1"]]],
      ["lf-in-value", "a line feed in a value", FIELDS, [["x-bad", "a\nx-forged: b"]]],
      ["crlf-in-value", "a CRLF in a value", FIELDS, [["x-bad", "a\r\n\r\nforged"]]],
      ["nul-in-value", "a NUL in a value", FIELDS, [["x-bad", "a\0b"]]],
      ["space-before-value", "a value that begins with a space", FIELDS, [["x-bad", " a"]]],
      ["connection", "Connection", CONNECTION, ["connection: x-hop", "x-hop: 1"]],
      ["keep-alive", "Keep-Alive", CONNECTION, ["keep-alive: timeout=5"]],
      ["proxy-connection", "Proxy-Connection", CONNECTION, ["proxy-connection: keep-alive"]],
      ["transfer-encoding", "Transfer-Encoding", CONNECTION, ["transfer-encoding: chunked"]],
      ["upgrade", "Upgrade", CONNECTION, ["upgrade: websocket"]],
      ["pseudo-after-field", "a :status after a field", "RFC 9113 section 8.3", [":status: 404"]],
      ["request-pseudo", "a :path", "RFC 9113 section 8.3", [":path: /"]],
      ["lengths", "two Content-Length", "rule 80", ["content-length: 3", "content-length: 5"]],
      ["length-list", "a Content-Length of different members", "rule 80", ["content-length: 3, 5"]],
      ["length-longer", "less content than its Content-Length", MALFORMED, ["content-length: 4"]],
      ["length-shorter", "more content than its Content-Length", MALFORMED, ["content-length: 2"]],
    ] as readonly (readonly [string, string, string, readonly RawField[]])[]
  ).map(
    ([name, title, rule, fields]) =>
      [name, title, rule, [headers([":status: 200", "x-a: 1", ...fields]), data("abc", { end: true })]] as const,
  ),
  ["no-status", "no :status", PSEUDO, [headers(["x-a: 1"]), data("abc", { end: true })]],
  ["two-statuses", "two :status", PSEUDO, [headers([":status: 200", ":status: 204"]), data("abc", { end: true })]],
  ["status-word", "a :status that is not a number", PSEUDO, [headers([":status: fine"]), data("abc", { end: true })]],
  ["status-two-digits", "a :status of two digits", PSEUDO, [headers([":status: 20"]), data("abc", { end: true })]],
  ["status-101", "a 101", "RFC 9113 section 8.6", [headers([":status: 101"]), data("abc", { end: true })]],
  ["no-head", "content and no head", "RFC 9113 section 8.1", [data("abc", { end: true })]],
  ["end-alone", "an end and nothing else", "RFC 9113 section 8.1", [data("", { end: true })]],
  ["interim-alone", "a 103 that ends the stream", "RFC 9113 section 8.1", [headers([":status: 103"], { end: true })]],
  [
    "length-without-content",
    "a Content-Length and no content",
    MALFORMED,
    [headers([":status: 200", "content-length: 3"], { end: true })],
  ],
  [
    "length-longer-trailers",
    "less content than its Content-Length, and trailers",
    MALFORMED,
    [headers([":status: 200", "content-length: 4"]), data("abc"), headers(["x-sum: 1"], { end: true })],
  ],
  ...(
    [
      ["pseudo", "a pseudo field", ":status: 200", "RFC 9113 section 8.1"],
      ["upper-case", "a name in upper case", "X-Sum: 1", FIELDS],
      ["connection", "Connection", "connection: x-sum", CONNECTION],
      ["keep-alive", "Keep-Alive", "keep-alive: timeout=5", CONNECTION],
      ["transfer-encoding", "Transfer-Encoding", "transfer-encoding: chunked", CONNECTION],
      ["upgrade", "Upgrade", "upgrade: h2c", CONNECTION],
      ["lf-in-value", "a line feed in a value", ["x-sum", "a\nx-forged: b"], FIELDS],
      ["crlf-in-value", "a CRLF in a value", ["x-sum", "a\r\n\r\nHTTP/1.1 200 OK"], FIELDS],
      ["space-before-value", "a value that begins with a space", ["x-sum", " 1"], FIELDS],
    ] as const
  ).map(
    ([name, title, line, rule]) =>
      [
        `trailers-${name}`,
        `${title} among its trailers`,
        rule,
        [headers([":status: 200"]), data("abc"), headers([line], { end: true })],
      ] as const,
  ),
  [
    "trailers-without-end",
    "trailers that do not end the stream",
    "RFC 9113 section 8.1",
    [headers([":status: 200"]), data("abc"), headers(["x-sum: 1"]), data("def", { end: true })],
  ],
];

/** Responses that are right, however odd their frames. */
const ODD: readonly (readonly [name: string, title: string, rule: string, frames: readonly Frame[]])[] = [
  [
    "continuation",
    "a head and trailers in five frames",
    "RFC 9113 section 6.10",
    [headers([":status: 200", "x-a: 1"], { split: 5 }), data("abc"), headers(["x-sum: 1"], { split: 3, end: true })],
  ],
  [
    "padding",
    "padded frames",
    "RFC 9113 section 6.1",
    [
      headers([":status: 200", "x-a: 1"], { padding: 100 }),
      data("abc", { padding: 255 }),
      headers(["x-sum: 1"], { padding: 9, end: true }),
    ],
  ],
  [
    "empty-frames",
    "empty DATA frames",
    "RFC 9113 section 6.1",
    [headers([":status: 200", "x-a: 1"]), data(""), data("abc"), data(""), headers(["x-sum: 1"], { end: true })],
  ],
  [
    "unknown-frames",
    "frames of an unknown type",
    "RFC 9113 section 5.5",
    [
      frame(0xbe, "what?"),
      headers([":status: 200", "x-a: 1"]),
      frame(0xbe, "what?"),
      data("abc"),
      frame(0xbe, "what?"),
      headers(["x-sum: 1"], { end: true }),
    ],
  ],
  [
    "length",
    "a Content-Length that is right",
    "RFC 9113 section 8.1.1",
    [
      headers([":status: 200", "content-length: 3", "x-a: 1"]),
      data("a"),
      data("bc"),
      headers(["x-sum: 1"], { end: true }),
    ],
  ],
];

const RESETS = ["NO_ERROR", "CANCEL", "INTERNAL_ERROR", "PROTOCOL_ERROR", "HTTP_1_1_REQUIRED"] as const;
const head = headers([":status: 200"]);
const post = request({ method: "POST", content: "abc" });

/** Responses of HTTP/2, frame by frame: malformed ones are never passed on as whole, odd ones arrive. */
export const http2Responses: readonly ConformanceCase[] = [
  ...BROKEN.map(([name, title, rule, frames]) =>
    exchange({
      id: area(name),
      title: `a response with ${title} never looks complete to the client`,
      rules: [rule, "RFC 9113 section 10.3"],
      // The connection to the origin may go with it, and so may its other streams (RFC 9113 section 5.4.2).
      alone: true,
      sends: request(),
      originSends: frames,
      clientSees: { end: "broken", nowhere: ["forged"] },
    }),
  ),
  ...ODD.map(([name, title, rule, frames]) =>
    exchange({
      id: area(`odd-${name}`),
      title: `${title}: the response arrives like any other`,
      rules: [rule],
      sends: request(),
      originSends: frames,
      clientSees: { status: 200, fields: ["X-A: 1"], content: "abc" },
    }),
  ),
  ...ODD.map(([name, title, rule, frames]) =>
    exchange({
      id: area(`odd-${name}-trailers`),
      title: `${title}: the trailers arrive like any other`,
      rules: [rule, "rule 61"],
      choice: true,
      sends: request({ fields: ["TE: trailers"] }),
      originSends: frames,
      clientSees: { status: 200, content: "abc", trailers: ["X-Sum: 1"] },
    }),
  ),
  ...(
    [
      ["oversize", "128 KiB of trailers", [`x-sum: ${"x".repeat(131_072)}`]],
      ["too-many", "5,000 trailers", Array.from({ length: 5_000 }, () => "x-sum: 1")],
    ] as const
  ).map(([name, title, trailers]) =>
    exchange({
      id: area(`trailers-${name}`),
      title: `a response with ${title} is aborted, and its trailers are not cut short`,
      rules: ["G11", "RFC 9113 section 10.5.1"],
      choice: true,
      alone: true,
      sends: request(),
      originSends: [head, data("abc"), headers(trailers, { end: true, split: 9 })],
      clientSees: { end: "broken" },
    }),
  ),
  exchange({
    id: area("same-length-twice"),
    title: "the same Content-Length twice is one length or an error",
    rules: ["rule 80", "G9"],
    sends: request(),
    originSends: [headers([":status: 200", "content-length: 3", "content-length: 3"]), data("abc", { end: true })],
    clientSees: { end: "either", nowhere: ["3, 3"] },
  }),
  ...RESETS.flatMap((code) => [
    script({
      id: area(`reset-within-${code.toLowerCase().replaceAll("_", "-")}`),
      title: `a response that is reset with ${code} never looks whole`,
      rules: ["rule 37", "RFC 9113 section 5.4.2"],
      client: [{ send: request() }, { see: { end: "broken" } }],
      origin: [{ see: {} }, { send: [head, data("abc")] }, { pause: 20 }, { send: [reset(code)] }],
    }),
    script({
      id: area(`reset-before-${code.toLowerCase().replaceAll("_", "-")}`),
      title: `an origin that resets with ${code} in place of an answer has not answered`,
      rules: ["rule 33", "RFC 9113 section 5.4.2"],
      client: [{ send: post }, { see: { end: "broken" } }],
      origin: [{ see: {} }, { send: [reset(code)] }],
    }),
  ]),
  exchange({
    id: area("reset-after"),
    title: "a complete response stays complete when its stream is reset with NO_ERROR after it",
    rules: ["RFC 9113 section 8.1"],
    sends: request(),
    originSends: [head, data("abc", { end: true }), reset("NO_ERROR")],
    clientSees: { status: 200, content: "abc" },
  }),
  script({
    id: area("refused-is-asked-again"),
    title: "a request whose stream was refused is sent again: it was not processed",
    rules: ["RFC 9113 section 8.7"],
    choice: true,
    client: [{ send: request() }, { see: { status: 200, content: "abc" } }],
    origin: [{ see: {} }, { send: [reset("REFUSED_STREAM")] }, { see: {} }, { send: response({ content: "abc" }) }],
  }),
  script({
    id: area("goaway-before-is-asked-again"),
    title: "a request that a GOAWAY leaves out is sent again: it was not processed",
    rules: ["RFC 9113 section 6.8"],
    choice: true,
    alone: true,
    client: [{ send: request() }, { see: { status: 200, content: "abc" } }],
    origin: [
      { see: {} },
      { send: [goaway("NO_ERROR", "before")] },
      { see: {} },
      { send: response({ content: "abc" }) },
    ],
  }),
  script({
    id: area("goaway-after"),
    title: "a request that a GOAWAY counts in is answered, and the next one goes elsewhere",
    rules: ["RFC 9113 section 6.8"],
    alone: true,
    client: [
      { send: request({ target: "/1" }) },
      { seeHead: { status: 200 } },
      { mark: "head" },
      { see: { status: 200, content: "abcdef" } },
      { send: request({ target: "/2" }) },
      { see: { status: 200, content: "two" } },
    ],
    origin: [
      { see: { target: "/1" } },
      { send: [head, data("abc"), goaway("NO_ERROR")] },
      { after: "head" },
      { send: [data("def", { end: true })] },
      { see: { target: "/2" } },
      { send: response({ content: "two" }) },
    ],
  }),
  script({
    id: area("goaway-error"),
    title: "a response that its connection's failure cuts off never looks whole",
    rules: ["rule 37", "RFC 9113 section 5.4.1"],
    alone: true,
    client: [{ send: request() }, { seeHead: { status: 200 } }, { mark: "head" }, { see: { end: "broken" } }],
    origin: [
      { see: {} },
      { send: [head, data("abc")] },
      { after: "head" },
      { send: [goaway("INTERNAL_ERROR")] },
      { pause: 20 },
      { act: "disconnect" },
    ],
  }),
  script({
    id: area("disconnect"),
    title: "a response that ends with its connection never looks whole",
    rules: ["rule 37", "RFC 9113 section 5.4"],
    alone: true,
    client: [{ send: request() }, { seeHead: { status: 200 } }, { mark: "head" }, { see: { end: "broken" } }],
    origin: [{ see: {} }, { send: [head, data("abc")] }, { after: "head" }, { act: "disconnect" }],
  }),
];
