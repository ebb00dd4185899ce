import { type ConformanceCase, script } from "../conformance-case.ts";
import { request, response } from "../message.ts";

const area = (name: string): string => `interim/${name}`;
const HINT = ["Link: </style.css>; rel=preload"];
const ok = response({ content: "abc" });
const INTERIM = "RFC 9110 section 15.2";
const EXPECT = "RFC 9110 section 10.1.1";
const upload = request({ method: "PUT", fields: ["Expect: 100-continue"], content: "abcdef" });
const chunked = request({
  method: "PUT",
  fields: ["Expect: 100-continue"],
  content: ["abc", "def"],
  framing: "chunked",
});

/** Informational responses, and what a client that expects one receives. */
export const interim: readonly ConformanceCase[] = [
  ...([102, 103, 110, 199] as const).map((status) =>
    script({
      id: area(String(status)),
      title: `a ${status} is relayed ahead of the final response`,
      rules: ["rule 45", INTERIM],
      choice: true,
      client: [
        { send: request() },
        { see: { status, fields: HINT } },
        { mark: "interim" },
        { see: { status: 200, content: "abc" } },
      ],
      origin: [{ see: {} }, { send: response({ status, fields: HINT }) }, { after: "interim" }, { send: ok }],
    }),
  ),
  script({
    id: area("several"),
    title: "several are relayed in their order, fields and all",
    rules: ["rule 45", INTERIM],
    choice: true,
    client: [
      { send: request() },
      { see: { status: 103, fields: [...HINT, "Link: </b>"] } },
      { see: { status: 102, fields: ["X-Step: 2"] } },
      { see: { status: 103, fields: ["X-Step: 3"] } },
      { see: { status: 200, lacks: ["X-Step"], content: "abc" } },
    ],
    origin: [
      { see: {} },
      { send: response({ status: 103, fields: [...HINT, "Link: </b>"] }) },
      { send: response({ status: 102, fields: ["X-Step: 2"] }) },
      { send: response({ status: 103, fields: ["X-Step: 3"] }) },
      { send: ok },
    ],
  }),
  script({
    id: area("final-intact"),
    title: "the final response arrives even if the interim response does not",
    rules: ["rule 45", INTERIM],
    client: [{ send: request({ version: "1.0" }) }, { see: { status: 200, content: "abc" } }],
    origin: [{ see: {} }, { send: response({ status: 103, fields: HINT }) }, { send: ok }],
  }),
  script({
    id: area("hop-by-hop"),
    title: "fields for one hop are removed from it",
    rules: ["rule 26", "G6", "RFC 9110 section 7.6.1"],
    choice: true,
    client: [
      { send: request() },
      { see: { status: 103, fields: HINT, lacks: ["Connection", "X-Hop", "Keep-Alive"], nowhere: ["4711"] } },
      { see: { status: 200 } },
    ],
    origin: [
      { see: {} },
      {
        send: response({
          status: 103,
          fields: ["Connection: X-Hop", "X-Hop: 4711", "Keep-Alive: timeout=4711", ...HINT],
        }),
      },
      { send: ok },
    ],
  }),
  script({
    id: area("framing-fields"),
    title: "Content-Length is removed from it",
    rules: ["rule 48", "RFC 9110 section 8.6"],
    choice: true,
    client: [
      { send: request() },
      { see: { status: 103, lacks: ["Content-Length", "Transfer-Encoding"] } },
      { see: { status: 200, content: "abc" } },
    ],
    origin: [
      { see: {} },
      { send: response({ status: 103, fields: ["Content-Length: 3", "Link: </a>"] }) },
      { send: ok },
    ],
  }),
  script({
    id: area("then-trailers"),
    title: "the trailers of the final response are not lost",
    rules: ["rule 45", "rule 61"],
    choice: true,
    client: [{ send: request() }, { see: { status: 103 } }, { see: { status: 200, trailers: ["X-Sum: 1"] } }],
    origin: [
      { see: {} },
      { send: response({ status: 103, fields: HINT }) },
      { send: response({ fields: ["Trailer: X-Sum"], content: ["abc"], trailers: ["X-Sum: 1"] }) },
    ],
  }),
  script({
    id: area("100-unasked"),
    title: "an unexpected 100 does no harm",
    rules: ["rule 45", "RFC 9110 section 15.2.1"],
    choice: true,
    client: [{ send: request() }, { see: { status: 100 } }, { see: { status: 200, content: "abc" } }],
    origin: [{ see: {} }, { send: response({ status: 100 }) }, { send: ok }],
  }),
  script({
    id: area("101-unasked"),
    title: "an unrequested 101 is an error",
    rules: ["rule 53", "RFC 9110 section 7.8"],
    client: [{ send: request() }, { see: { status: 502 } }],
    origin: [{ see: {} }, { send: response({ status: 101, fields: ["Connection: Upgrade", "Upgrade: forged"] }) }],
  }),
  ...(
    [
      ["length", upload],
      ["chunked", chunked],
    ] as const
  ).map(([name, message]) =>
    script({
      id: area(`expect-${name}`),
      title: `a client that expects 100 gets the origin's, and the origin gets the content (${name})`,
      rules: ["rule 45", EXPECT],
      choice: true,
      client: [
        { sendHead: message },
        { see: { status: 100 } },
        { after: "continued" },
        ...message.content.map((piece) => ({ sendContent: piece })),
        { sendEnd: [] },
        { see: { status: 200 } },
      ],
      origin: [
        { seeHead: { fields: ["Expect: 100-continue"] } },
        { pause: 20 },
        { mark: "continued" },
        { send: response({ status: 100 }) },
        { see: { content: "abcdef" } },
        { send: ok },
      ],
    }),
  ),
  ...([417, 401, 413] as const).map((status) =>
    script({
      id: area(`expect-${status}`),
      title: `a ${status} in place of the 100 is relayed, and no content is asked for`,
      rules: ["rule 45", EXPECT],
      choice: true,
      client: [{ sendHead: upload }, { see: { status, content: "no" } }],
      origin: [{ seeHead: {} }, { send: response({ status, closes: true, content: "no" }) }],
    }),
  ),
  script({
    id: area("expect-not-waiting"),
    title: "a client that does not wait for the 100 is served all the same",
    rules: [EXPECT],
    choice: true,
    client: [{ send: upload }, { see: { end: "either" } }],
    origin: [{ see: { content: "abcdef" } }, { send: ok }],
  }),
  script({
    id: area("expect-silent-origin"),
    title: "an origin that says no 100 gets the content in the end",
    rules: [EXPECT],
    choice: true,
    client: [
      { sendHead: upload },
      { pause: 30 },
      { sendContent: "abcdef" },
      { sendEnd: [] },
      { see: { end: "either" } },
    ],
    origin: [{ see: { content: "abcdef" } }, { send: ok }],
  }),
  script({
    id: area("expect-unknown"),
    title: "an unknown expectation is refused",
    rules: [EXPECT],
    choice: true,
    client: [{ send: request({ fields: ["Expect: miracles"] }) }, { see: { status: 417 } }],
    origin: [],
    reached: "maybe",
  }),
  script({
    id: area("100-never-to-http10"),
    title: "a client of HTTP/1.0 never gets a 100",
    rules: [EXPECT],
    client: [
      { send: request({ version: "1.0", method: "PUT", fields: ["Expect: 100-continue"], content: "abc" }) },
      { see: { status: 200, content: "abc" } },
    ],
    origin: [{ see: { content: "abc" } }, { send: ok }],
  }),
];
