import { type ConformanceCase, script } from "../conformance-case.ts";
import { asks, goaway, headers, ping, reset, settings, windowUpdate } from "../frames.ts";
import { request, type RequestMessage, response } from "../message.ts";

const area = (name: string): string => `http2-connections/${name}`;
const get = (target: string): RequestMessage => request({ target });
const STREAMS = "RFC 9113 section 5.1";
const FLOW = "RFC 9113 section 5.2";
const BIG = "0123456789abcdef".repeat(16_384);
/** Of several requests the first is in transit before the second is sent. */
const inTurn = [{ send: get("/1") }, { after: "first" }, { send: get("/2") }] as const;

/** Many requests on one connection: each goes its own way. */
export const http2Connections: readonly ConformanceCase[] = [
  script({
    id: area("answers-in-other-order"),
    title: "answers come in the order in which the origin gives them",
    rules: [STREAMS],
    only: { client: "2" },
    client: [
      ...inTurn,
      { on: 2, see: { status: 200, content: "two" } },
      { mark: "second" },
      { on: 1, see: { status: 200, content: "one" } },
    ],
    origin: [
      { see: { target: "/1" } },
      { mark: "first" },
      { see: { target: "/2" } },
      { on: 2, send: response({ content: "two" }) },
      { after: "second" },
      { on: 1, send: response({ content: "one" }) },
    ],
  }),
  script({
    id: area("fifty-at-once"),
    title: "fifty requests at once are answered",
    rules: [STREAMS],
    only: { client: "2" },
    client: [
      ...Array.from({ length: 50 }, () => ({ send: get("/") })),
      ...Array.from({ length: 50 }, () => ({ see: { status: 200, content: "abc" } })),
    ],
    origin: Array.from({ length: 50 }, () => [{ see: {} }, { send: response({ content: "abc" }) }]).flat(),
  }),
  script({
    id: area("client-reset-spares-others"),
    title: "a stream that the client resets takes no other with it",
    rules: [STREAMS, "RFC 9113 section 5.4.2"],
    only: { client: "2" },
    client: [
      ...inTurn,
      { after: "both" },
      { on: 1, act: "reset" },
      { pause: 30 },
      { mark: "reset" },
      { on: 2, see: { status: 200, content: "two" } },
    ],
    origin: [
      { see: { target: "/1" } },
      { mark: "first" },
      { see: { target: "/2" } },
      { mark: "both" },
      { after: "reset" },
      { on: 2, send: response({ content: "two" }) },
    ],
  }),
  script({
    id: area("broken-answer-spares-others"),
    title: "an aborted response does not affect others",
    rules: [STREAMS, "RFC 9113 section 5.4.2"],
    only: { client: "2" },
    client: [
      ...inTurn,
      { on: 1, see: { end: "broken" } },
      { mark: "broken" },
      { on: 2, see: { status: 200, content: "two" } },
    ],
    origin: [
      { see: { target: "/1" } },
      { mark: "first" },
      { see: { target: "/2" } },
      { on: 1, sendHead: response({ content: "abcdef", framing: "length" }) },
      { on: 1, sendContent: "abc" },
      { pause: 20 },
      { on: 1, act: "reset" },
      { after: "broken" },
      { on: 2, send: response({ content: "two" }) },
    ],
  }),
  script({
    id: area("malformed-spares-others"),
    title: "a malformed request takes no other with it",
    rules: ["RFC 9113 section 8.1.1", "RFC 9113 section 5.4.2"],
    choice: true,
    client: [
      { send: get("/1") },
      { after: "first" },
      { on: 2, send: [headers(asks(["X-Upper: 1"]), { end: true })] },
      { on: 2, see: { end: "refused" } },
      { mark: "refused" },
      { on: 1, see: { status: 200, content: "one" } },
    ],
    origin: [{ see: {} }, { mark: "first" }, { after: "refused" }, { send: response({ content: "one" }) }],
  }),
  script({
    id: area("stalled-spares-others"),
    title: "a response that its client does not take holds up no other",
    rules: [FLOW],
    client: [
      { send: [settings({ INITIAL_WINDOW_SIZE: 0 })] },
      ...inTurn,
      { on: 2, seeHead: { status: 200 } },
      { on: 2, send: [windowUpdate(BIG.length)] },
      { on: 2, see: { status: 200, content: BIG } },
      { on: 1, send: [windowUpdate(BIG.length)] },
      { on: 1, see: { status: 200, content: BIG } },
    ],
    origin: [
      { see: { target: "/1" } },
      { mark: "first" },
      { send: response({ content: BIG }) },
      { see: { target: "/2" } },
      { send: response({ content: BIG }) },
    ],
  }),
  script({
    id: area("tiny-windows"),
    title: "content comes through a window of seven octets",
    rules: [FLOW, "RFC 9113 section 6.9.2"],
    client: [
      { send: [settings({ INITIAL_WINDOW_SIZE: 7 })] },
      { send: request() },
      { see: { status: 200, content: "0123456789abcdefghijklmnopqrstuvwxyz", trailers: ["X-Sum: 1"] } },
    ],
    origin: [
      { see: {} },
      { send: response({ content: ["0123456789abcdefghijklmnopqrstuvwxyz"], trailers: ["X-Sum: 1"] }) },
    ],
    choice: true,
  }),
  script({
    id: area("window-grows-later"),
    title: "a window that SETTINGS widens lets content through that was waiting",
    rules: [FLOW, "RFC 9113 section 6.9.2"],
    client: [
      { send: [settings({ INITIAL_WINDOW_SIZE: 0 })] },
      { send: request() },
      { seeHead: { status: 200 } },
      { send: [settings({ INITIAL_WINDOW_SIZE: 65_535 })] },
      { see: { status: 200, content: "abc" } },
    ],
    origin: [{ see: {} }, { send: response({ content: "abc" }) }],
  }),
  script({
    id: area("origin-window-stalls"),
    title: "an upload waits for the origin's window, and continues when it opens",
    rules: [FLOW],
    alone: true,
    client: [
      { send: request({ target: "/1" }) },
      { see: { status: 200 } },
      { send: request({ target: "/2", method: "PUT", content: ["abc", "def"], framing: "chunked" }) },
      { see: { status: 200 } },
    ],
    origin: [
      { see: { target: "/1" } },
      { send: [settings({ INITIAL_WINDOW_SIZE: 0 })] },
      { pause: 20 },
      { send: response() },
      { seeHead: { target: "/2" } },
      { send: [windowUpdate(3)] },
      { seeContent: "abc" },
      { send: [settings({ INITIAL_WINDOW_SIZE: 65_535 })] },
      { see: { content: "abcdef" } },
      { send: response() },
    ],
  }),
  script({
    id: area("ping-and-settings"),
    title: "PING and SETTINGS between requests do no harm",
    rules: ["RFC 9113 section 6.5", "RFC 9113 section 6.7"],
    client: [
      { send: [ping(), settings({})] },
      { send: get("/1") },
      { see: { content: "one" } },
      { send: [ping(), settings({ MAX_FRAME_SIZE: 32_768 }), windowUpdate(1_000, "connection")] },
      { send: get("/2") },
      { see: { content: "two" } },
    ],
    origin: [
      { see: { target: "/1" } },
      { send: response({ content: "one" }) },
      { see: { target: "/2" } },
      { send: response({ content: "two" }) },
    ],
  }),
  script({
    id: area("reset-after-answer"),
    title: "a stream that is reset when all is over does no harm",
    rules: [STREAMS],
    client: [
      { send: get("/1") },
      { see: { content: "one" } },
      { send: [reset("CANCEL")] },
      { send: get("/2") },
      { see: { content: "two" } },
    ],
    origin: [
      { see: { target: "/1" } },
      { send: response({ content: "one" }) },
      { see: { target: "/2" } },
      { send: response({ content: "two" }) },
    ],
  }),
  script({
    id: area("client-goaway"),
    title: "a client that says GOAWAY still gets the answers that it waits for",
    rules: ["RFC 9113 section 6.8"],
    client: [
      { send: get("/1") },
      { after: "first" },
      { send: [goaway("NO_ERROR", "none")] },
      { pause: 20 },
      { mark: "gone" },
      { see: { content: "one" } },
    ],
    origin: [{ see: {} }, { mark: "first" }, { after: "gone" }, { send: response({ content: "one" }) }],
  }),
];
