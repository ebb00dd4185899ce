import { type ConformanceCase, script } from "../conformance-case.ts";
import { request, type RequestMessage, response, type ResponseMessage } from "../message.ts";

const area = (name: string): string => `aborts/${name}`;

/** After the last chunk the content is complete (RFC 9112 section 8), and only the trailers are not. */
const BEHIND_CONTENT: ReadonlySet<string> = new Set(["final-crlf", "within-trailers", "before-trailers"]);

/** The places at which a chunked message with trailers `X-Sum: 1` and content `abc`, `defg` can abort, from its end. */
const CHUNKED_PLACES: readonly (readonly [name: string, title: string, cut: number])[] = [
  ["final-crlf", "ahead of its last CRLF", 2],
  ["within-trailers", "within a trailer line", 6],
  ["before-trailers", "between the last chunk and the trailers", 12],
  ["within-last-chunk", "within the last chunk's line", 13],
  ["before-last-chunk", "ahead of the last chunk", 15],
  ["before-chunk-crlf", "before the CRLF after a chunk's data", 17],
  ["within-chunk", "within a chunk's data", 19],
  ["before-chunk-data", "between a chunk's size and its data", 21],
  ["within-chunk-size", "within a chunk's size line", 22],
  ["between-chunks", "between two chunks", 24],
];
const LENGTH_PLACES: readonly (readonly [name: string, title: string, cut: number])[] = [
  ["length-last-byte", "one byte ahead of its Content-Length", 1],
  ["length-half", "at half of its Content-Length", 4],
  ["length-nothing", "after its head, with a Content-Length", 7],
];

/** What has been said of content `abcdefg` when it is aborted, in any version of HTTP. */
const BREAKS: readonly (readonly [name: string, title: string, pieces: readonly string[]])[] = [
  ["after-head", "after its head", []],
  ["within", "within its content", ["abc"]],
  ["before-end", "after all of its content, before its trailers", ["abc", "defg"]],
  ["length-after-head", "after its head, which stated its length", []],
  ["length-within", "within its content, of known length", ["abc"]],
  ["length-last-byte", "one byte ahead of its known length", ["abc", "def"]],
];

const chunkedUp = request({
  method: "PUT",
  fields: ["Trailer: X-Sum"],
  content: ["abc", "defg"],
  trailers: ["X-Sum: 1"],
});
const lengthUp = request({ method: "PUT", content: ["abcdefg"] });
const chunkedDown = response({ fields: ["Trailer: X-Sum"], content: ["abc", "defg"], trailers: ["X-Sum: 1"] });
const lengthDown = response({ content: ["abcdefg"] });

const up = (message: RequestMessage, act: "end" | "reset") =>
  function truncated([name, title, cut]: readonly [string, string, number]): ConformanceCase {
    return script({
      id: area(`client-${act}-${name}`),
      title: `a request aborted ${title} (${act}) never looks complete to the origin`,
      rules: ["rule 9", "RFC 9112 section 8"],
      choice: BEHIND_CONTENT.has(name),
      client: [{ send: message, cut }, { pause: 20 }, { act }],
      origin: [{ see: { end: "broken" } }],
      reached: "maybe",
    });
  };

const down = (message: ResponseMessage, act: "end" | "reset") =>
  function truncated([name, title, cut]: readonly [string, string, number]): ConformanceCase {
    return script({
      id: area(`origin-${act}-${name}`),
      title: `a response aborted ${title} (${act}) never looks complete to the client`,
      rules: ["rule 37", "rule 38", "rule 39", "RFC 9112 section 8"],
      choice: BEHIND_CONTENT.has(name),
      client: [{ send: request() }, { see: { end: "broken" } }],
      origin: [{ see: {} }, { send: message, cut }, { pause: 20 }, { act }],
    });
  };

/** Messages that abort: never passed on as complete ones, in either direction. */
export const aborts: readonly ConformanceCase[] = [
  ...CHUNKED_PLACES.map(up(chunkedUp, "end")),
  ...LENGTH_PLACES.map(up(lengthUp, "end")),
  ...CHUNKED_PLACES.slice(4, 7).map(up(chunkedUp, "reset")),
  ...LENGTH_PLACES.slice(1).map(up(lengthUp, "reset")),
  ...CHUNKED_PLACES.map(down(chunkedDown, "end")),
  ...LENGTH_PLACES.map(down(lengthDown, "end")),
  ...CHUNKED_PLACES.slice(0, 5).map(down(chunkedDown, "reset")),
  ...LENGTH_PLACES.slice(1).map(down(lengthDown, "reset")),
  ...BREAKS.flatMap(([name, title, pieces]) => [
    script({
      id: area(`client-aborts-${name}`),
      title: `a request that its client aborts ${title} never looks complete to the origin`,
      rules: ["rule 9", "RFC 9113 section 8.1", "RFC 9112 section 8"],
      client: [
        { sendHead: name.startsWith("length") ? lengthUp : chunkedUp },
        ...pieces.map((piece) => ({ sendContent: piece })),
        { pause: 20 },
        { act: "reset" },
      ],
      origin: [{ see: { end: "broken", nowhere: ["X-Sum: 1"] } }],
      reached: "maybe",
    }),
    script({
      id: area(`origin-aborts-${name}`),
      title: `a response that its origin aborts ${title} never looks complete to the client`,
      rules: ["rule 37", "RFC 9113 section 8.1", "RFC 9112 section 8"],
      client: [{ send: request() }, { see: { end: "broken", nowhere: ["X-Sum: 1"] } }],
      origin: [
        { see: {} },
        { sendHead: name.startsWith("length") ? lengthDown : chunkedDown },
        ...pieces.map((piece) => ({ sendContent: piece })),
        { pause: 20 },
        { act: "reset" },
      ],
    }),
  ]),
  script({
    id: area("origin-reset-until-close"),
    title: "content until close that ends in a reset never looks whole",
    rules: ["rule 37", "RFC 9112 section 8"],
    choice: true,
    client: [{ send: request() }, { seeHead: { status: 200 } }, { mark: "head" }, { see: { end: "broken" } }],
    origin: [
      { see: {} },
      { send: response({ content: ["abc"], framing: "until-close" }) },
      { after: "head" },
      { act: "reset" },
    ],
  }),
  script({
    id: area("origin-reset-until-close-http10-client"),
    title: "aborted content never looks complete to a client of HTTP/1.0, for which the close is the end",
    rules: ["rule 37", "rule 71", "RFC 9112 section 8"],
    choice: true,
    client: [
      { send: request({ version: "1.0" }) },
      { seeHead: { status: 200 } },
      { mark: "head" },
      { see: { end: "broken" } },
    ],
    origin: [
      { see: {} },
      { send: response({ content: ["abc", "def"], framing: "chunked" }), cut: 5 },
      { after: "head" },
      { act: "end" },
    ],
  }),
  script({
    id: area("no-trailers-when-cut"),
    title: "no trailer follows aborted content",
    rules: ["rule 72"],
    client: [{ send: request() }, { see: { end: "broken", nowhere: ["X-Sum: 1"] } }],
    origin: [{ see: {} }, { send: chunkedDown, cut: 15 }, { pause: 20 }, { act: "end" }],
  }),
  script({
    id: area("client-leaves-before-answer"),
    title: "a client that goes away before the answer is felt by the origin",
    rules: ["rule 9", "rule 33"],
    choice: true,
    client: [{ send: request() }, { after: "arrived" }, { act: "reset" }],
    origin: [{ see: {} }, { mark: "arrived" }, { seeEnd: true }],
  }),
  script({
    id: area("client-leaves-within-response"),
    title: "a client that goes away within the response is felt by the origin",
    rules: ["rule 37"],
    choice: true,
    client: [{ send: request() }, { seeHead: { status: 200 } }, { act: "reset" }],
    origin: [{ see: {} }, { sendHead: response({ framing: "chunked" }) }, { sendContent: "abc" }, { seeEnd: true }],
  }),
  script({
    id: area("client-closes-before-answer"),
    title: "a client that closes in an orderly way before the answer is felt by the origin",
    rules: ["rule 9"],
    choice: true,
    client: [{ send: request() }, { after: "arrived" }, { act: "close" }],
    origin: [{ see: {} }, { mark: "arrived" }, { seeEnd: true }],
  }),
  ...(
    [
      ["length", lengthUp],
      ["chunked", chunkedUp],
    ] as const
  ).map(([name, message]) =>
    script({
      id: area(`early-413-${name}`),
      title: `an origin that refuses an upload early is heard at once (${name})`,
      rules: ["rule 79", "RFC 9112 section 9.6"],
      choice: true,
      client: [{ sendHead: message }, { sendContent: "abc" }, { see: { status: 413, content: "too much" } }],
      origin: [{ seeHead: {} }, { send: response({ status: 413, closes: true, content: "too much" }) }],
    }),
  ),
  script({
    id: area("early-413-then-broken"),
    title: "an upload that was refused early and aborted never looks complete to the origin",
    rules: ["rule 79", "RFC 9112 section 8"],
    choice: true,
    client: [{ sendHead: chunkedUp }, { sendContent: "abc" }, { see: { status: 413 } }, { act: "reset" }],
    origin: [{ seeHead: {} }, { send: response({ status: 413, content: "too much" }) }, { see: { end: "broken" } }],
  }),
  script({
    id: area("both-directions-at-once"),
    title: "a response begins while the request still runs, and both come to their ends",
    rules: ["rule 79"],
    choice: true,
    client: [
      { sendHead: chunkedUp },
      { sendContent: "abc" },
      { seeHead: { status: 200 } },
      { seeContent: "abc" },
      { sendContent: "defg" },
      { sendEnd: ["X-Sum: 1"] },
      { see: { status: 200, content: "abcdefg", trailers: ["X-Sum: 2"] } },
    ],
    origin: [
      { seeHead: {} },
      { seeContent: "abc" },
      { sendHead: chunkedDown },
      { sendContent: "abc" },
      { see: { content: "abcdefg", trailers: ["X-Sum: 1"] } },
      { sendContent: "defg" },
      { sendEnd: ["X-Sum: 2"] },
    ],
  }),
];
