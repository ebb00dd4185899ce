import { type CaseInit, type ConformanceCase, script, type Step } from "../conformance-case.ts";
import { request, type RequestMessage, response } from "../message.ts";

const area = (name: string): string => `connections/${name}`;
const get = (target: string): RequestMessage => request({ target });
/** Not sent twice by anyone: it may have had its effect. */
const post = request({ method: "POST", content: "abc" });
const PERSIST = "RFC 9112 section 9.3";

/**
 * An origin that cannot be reached or understood: no hop may treat that as a response, and 502 is the status that says it
 * (RFC 9110 section 15.6.3), though another 5xx is not a mistake, and neither is it to abort.
 */
function badGateway(
  init: CaseInit & { readonly sends: RequestMessage; readonly origin: readonly Step[] },
): ConformanceCase[] {
  const { sends, origin, id, ...rest } = init;
  const reached = origin.length === 0 ? "maybe" : "yes";
  return [
    script({ ...rest, id, choice: true, client: [{ send: sends }, { see: { status: 502 } }], origin, reached }),
    script({
      ...rest,
      id: `${id}-is-an-error`,
      title: `${rest.title}, or with another error, or not at all`,
      client: [{ send: sends }, { see: { end: "broken" } }],
      origin,
      reached,
    }),
  ];
}

/** Invalid responses. */
const GARBAGE: readonly (readonly [name: string, title: string, answer: string])[] = [
  ["ssh", "a greeting of another protocol", "SSH-2.0-OpenSSH_9.2\r\n"],
  ["empty-lines", "nothing but empty lines", "\r\n\r\n\r\n"],
  ["no-status", "a status line without a status", "HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n"],
  ["length", "an invalid length", "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n"],
  ["lengths", "two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde"],
  ["cut-head", "a head that is cut short", "HTTP/1.1 200 OK\r\nContent-Len"],
];

/** Answers that some can make sense of. */
const DOUBTFUL: readonly (readonly [name: string, title: string, answer: string])[] = [
  ["http2", "a status line of HTTP/2", "HTTP/2 200\r\nContent-Length: 0\r\n\r\n"],
  ["status-two-digits", "a status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"],
  ["no-colon", "a field line without a colon", "HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 0\r\n\r\n"],
  ["nul", "a NUL in a field", "HTTP/1.1 200 OK\r\nX-Bad: a\0b\r\nContent-Length: 0\r\n\r\n"],
  ["big-head", "a head of 2 MiB", `HTTP/1.1 200 OK\r\nX-Big: ${"x".repeat(2 * 1024 * 1024)}\r\n\r\n`],
];

/** Connections that live longer than a request, origins that are not there, and origins that talk nonsense. */
export const connections: readonly ConformanceCase[] = [
  script({
    id: area("client-reused"),
    title: "a client's connection serves one request after the other",
    rules: [PERSIST],
    choice: true,
    client: ["/1", "/2", "/3"].flatMap((target) => [{ send: get(target) }, { see: { status: 200, content: target } }]),
    origin: ["/1", "/2", "/3"].flatMap((target) => [{ see: { target } }, { send: response({ content: target }) }]),
  }),
  script({
    id: area("client-reused-after-content"),
    title: "content and trailers do not run into the next request",
    rules: [PERSIST],
    choice: true,
    client: [
      { send: request({ content: ["abc"], fields: ["Trailer: X-Sum"], trailers: ["X-Sum: 1"] }) },
      { see: { status: 200, content: "one" } },
      { send: request({ content: "def" }) },
      { see: { status: 200, content: "two" } },
      { send: get("/3") },
      { see: { status: 204 } },
    ],
    origin: [
      { see: { content: "abc" } },
      { send: response({ content: ["one"], trailers: ["X-Sum: 2"] }) },
      { see: { content: "def" } },
      { send: response({ content: "two" }) },
      { see: { target: "/3" } },
      { send: response({ status: 204 }) },
    ],
  }),
  script({
    id: area("client-reused-after-bare-answers"),
    title: "answers without content do not stop a connection",
    rules: [PERSIST],
    choice: true,
    client: [
      { send: request({ method: "HEAD" }) },
      { see: { status: 200, toHead: true } },
      { send: request() },
      { see: { status: 304 } },
      { send: request() },
      { see: { status: 404, content: "" } },
    ],
    origin: [
      { see: {} },
      { send: response({ fields: ["Content-Length: 3"], framing: "none" }) },
      { see: {} },
      { send: response({ status: 304 }) },
      { see: {} },
      { send: response({ status: 404 }) },
    ],
  }),
  script({
    id: area("origin-reused"),
    title: "the origin's connection serves the next request",
    rules: [PERSIST],
    choice: true,
    alone: true,
    client: ["/1", "/2"].flatMap((target) => [{ send: get(target) }, { see: { status: 200 } }, { pause: 10 }]),
    origin: [
      { see: { target: "/1" } },
      { send: response() },
      { see: { target: "/2" } },
      { reused: true },
      { send: response() },
    ],
  }),
  script({
    id: area("origin-reused-after-trailers"),
    title: "the origin's connection serves the next request after trailers in both directions",
    rules: [PERSIST],
    choice: true,
    alone: true,
    client: [
      { send: request({ content: ["a"], fields: ["Trailer: X-Sum"], trailers: ["X-Sum: 1"] }) },
      { see: { status: 200, content: "b" } },
      { pause: 10 },
      { send: get("/2") },
      { see: { status: 200 } },
    ],
    origin: [
      { see: { content: "a" } },
      { send: response({ content: ["b"], trailers: ["X-Sum: 2"] }) },
      { see: { target: "/2" } },
      { reused: true },
      { send: response() },
    ],
  }),
  script({
    id: area("origin-closed-idle"),
    title: "a connection that the origin closed while idle costs no request",
    rules: ["RFC 9112 section 9.5"],
    choice: true,
    alone: true,
    client: [
      { send: get("/1") },
      { see: { status: 200 } },
      { pause: 40 },
      { send: request({ method: "POST", content: "abc" }) },
      { see: { status: 200, content: "two" } },
    ],
    origin: [
      { see: { target: "/1" } },
      { send: response() },
      { pause: 10 },
      { act: "close" },
      { see: { content: "abc" } },
      { send: response({ content: "two" }) },
    ],
  }),
  script({
    id: area("origin-close-is-one-hop"),
    title: "the origin's close does not close the client's connection",
    rules: ["rule 21", PERSIST],
    choice: true,
    client: [
      { send: get("/1") },
      { see: { status: 200, lacks: ["Connection: close"] } },
      { send: get("/2") },
      { see: { status: 200 } },
    ],
    origin: [{ see: {} }, { send: response({ closes: true }) }, { see: { target: "/2" } }, { send: response() }],
  }),
  script({
    id: area("client-close"),
    title: "a client that asks for it has its connection closed after the response",
    rules: ["RFC 9112 section 9.6"],
    client: [
      { send: request({ fields: ["Connection: close"] }) },
      { see: { status: 200, content: "abc" } },
      { seeEnd: true },
    ],
    origin: [{ see: {} }, { send: response({ content: "abc" }) }],
  }),
  script({
    id: area("http10-closes"),
    title: "a client of HTTP/1.0 has its connection closed after the response",
    rules: ["rule 71", PERSIST],
    client: [{ send: request({ version: "1.0" }) }, { see: { status: 200, content: "abc" } }, { seeEnd: true }],
    origin: [{ see: {} }, { send: response({ content: "abc" }) }],
  }),
  script({
    id: area("http10-keep-alive"),
    title: "a client of HTTP/1.0 that asks for it keeps its connection",
    rules: [PERSIST],
    choice: true,
    client: ["/1", "/2"].flatMap((target) => [
      { send: request({ version: "1.0", target, fields: ["Connection: keep-alive"] }) },
      { see: { status: 200, content: target } },
    ]),
    origin: ["/1", "/2"].flatMap((target) => [{ see: { target } }, { send: response({ content: target }) }]),
  }),
  script({
    id: area("pipelined"),
    title: "requests sent at once are answered in their order",
    rules: ["RFC 9112 section 9.3.2"],
    choice: true,
    only: { client: "1.1" },
    client: [
      { send: get("/1") },
      { send: get("/2") },
      { send: get("/3") },
      { see: { content: "/1" } },
      { see: { content: "/2" } },
      { see: { content: "/3" } },
    ],
    origin: ["/1", "/2", "/3"].flatMap((target) => [
      { see: { target } },
      { pause: 5 },
      { send: response({ content: target }) },
    ]),
  }),
  script({
    id: area("pipelined-with-content"),
    title: "requests with content sent at once are kept apart",
    rules: ["RFC 9112 section 9.3.2"],
    choice: true,
    only: { client: "1.1" },
    client: [
      { send: request({ target: "/1", content: "abc" }) },
      { send: request({ target: "/2", content: ["d", "ef"], framing: "chunked" }) },
      { see: { content: "one" } },
      { see: { content: "two" } },
    ],
    origin: [
      { see: { target: "/1", content: "abc" } },
      { send: response({ content: ["one"], framing: "chunked" }) },
      { see: { target: "/2", content: "def" } },
      { send: response({ content: "two" }) },
    ],
  }),
  script({
    id: area("empty-lines-ahead"),
    title: "an empty line ahead of a request is overlooked",
    rules: ["RFC 9112 section 2.2"],
    choice: true,
    client: [{ send: "\r\nGET / HTTP/1.1\r\nHost: conformance.example\r\n{case}\r\n\r\n" }, { see: { status: 200 } }],
    origin: [{ see: {} }, { send: response() }],
  }),
  script({
    id: area("head-in-pieces"),
    title: "a head that comes in pieces is one head, in both directions",
    rules: ["RFC 9112 section 2.2"],
    client: [
      { send: "GET / HT" },
      { pause: 5 },
      { send: "TP/1.1\r\nHost: conformance.example\r" },
      { pause: 5 },
      { send: "\n{case}\r\n\r" },
      { pause: 5 },
      { send: "\n" },
      { see: { status: 200, fields: ["X-Piece: 1"], content: "abc" } },
    ],
    origin: [
      { see: {} },
      { send: "HTTP/1.1 2" },
      { pause: 5 },
      { send: "00 OK\r\nX-Pie" },
      { pause: 5 },
      { send: "ce: 1\r\nContent-Length: 3\r\n\r" },
      { pause: 5 },
      { send: "\nab" },
      { pause: 5 },
      { send: "c" },
    ],
  }),
  script({
    id: area("streaming"),
    title: "each piece of a response comes at once, without waiting for the next",
    rules: ["rule 42", "rule 43"],
    choice: true,
    client: [{ send: request() }, { seeHead: { status: 200 } }, { mark: "head" }, { see: { content: "abc" } }],
    origin: [
      { see: {} },
      { sendHead: response({ framing: "chunked" }) },
      { after: "head" },
      { sendContent: "abc" },
      { sendEnd: [] },
    ],
  }),
  ...badGateway({
    id: area("down"),
    title: "an origin that is not there is answered with 502",
    rules: ["rule 33"],
    setup: "down",
    sends: request(),
    origin: [],
  }),
  ...badGateway({
    id: area("down-with-content"),
    title: "an upload to an origin that is not there is answered with 502",
    rules: ["rule 33"],
    setup: "down",
    sends: request({ content: ["abc"], framing: "chunked" }),
    origin: [],
  }),
  script({
    id: area("silent"),
    title: "an origin that says nothing is answered with 504",
    rules: ["rule 33", "G16", "RFC 9110 section 15.6.5"],
    choice: true,
    setup: "impatient",
    client: [{ send: request({ method: "POST", content: "abc" }) }, { see: { status: 504 } }],
    origin: [{ see: {} }, { seeEnd: true }],
  }),
  ...badGateway({
    id: area("no-answer"),
    title: "an origin that closes without an answer is answered with 502",
    rules: ["rule 33"],
    only: { origin: "1.1" },
    sends: post,
    origin: [{ see: {} }, { act: "end" }],
  }),
  ...badGateway({
    id: area("reset-without-answer"),
    title: "an origin that resets without an answer is answered with 502",
    rules: ["rule 33"],
    sends: post,
    origin: [{ see: {} }, { act: "reset" }],
  }),
  ...GARBAGE.flatMap(([name, title, answer]) =>
    badGateway({
      id: area(`garbage-${name}`),
      title: `${title} is answered with 502`,
      rules: ["rule 33", "RFC 9112 section 2.2"],
      sends: post,
      origin: [{ see: {} }, { send: answer }, { act: "end" }],
    }),
  ),
  ...DOUBTFUL.map(([name, title, answer]) =>
    script({
      id: area(`doubtful-${name}`),
      title: `${title} is answered with 502`,
      rules: ["rule 33", "RFC 9112 section 2.2"],
      choice: true,
      client: [{ send: post }, { see: { status: 502 } }],
      origin: [{ see: {} }, { send: answer }, { act: "end" }],
    }),
  ),
];
