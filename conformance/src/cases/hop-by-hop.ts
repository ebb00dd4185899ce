import { type CaseInit, type ConformanceCase, exchange } from "../conformance-case.ts";
import type { Expected } from "../expectation.ts";
import { request, response } from "../message.ts";

const area = (name: string): string => `hop-by-hop/${name}`;
const CONNECTION = "RFC 9110 section 7.6.1";

type Row = Omit<CaseInit, "id"> & {
  readonly name: string;
  readonly fields: readonly string[];
  readonly sees: Expected;
};

function up({ name, fields, sees, ...rest }: Row): ConformanceCase {
  return exchange({
    ...rest,
    id: area(`request-${name}`),
    sends: request({ fields }),
    originSees: sees,
    originSends: response(),
    clientSees: { status: 200 },
  });
}

function down({ name, fields, sees, ...rest }: Row): ConformanceCase {
  return exchange({
    ...rest,
    id: area(`response-${name}`),
    sends: request(),
    originSends: response({ fields, content: "abc" }),
    clientSees: { status: 200, content: "abc", ...sees },
  });
}

/** What Connection can look like, and what it then takes away with it. */
const CONNECTIONS: readonly (readonly [name: string, title: string, fields: string[]])[] = [
  ["named", "a field that Connection names", ["Connection: X-Hop", "X-Hop: 4711"]],
  ["named-before", "a field ahead of the Connection that names it", ["X-Hop: 4711", "Connection: X-Hop"]],
  ["named-in-other-case", "a field that Connection names in other case", ["Connection: x-hOP", "X-Hop: 4711"]],
  [
    "named-in-list",
    "a field in a list with whitespace and empty members",
    ["Connection: keep-alive, ,\tX-Hop\t,", "X-Hop: 4711"],
  ],
  [
    "named-in-second-line",
    "a field that a second Connection line names",
    ["Connection: keep-alive", "Connection: X-Hop", "X-Hop: 4711"],
  ],
  [
    "named-after-empty-line",
    "a field that is named after an empty Connection line",
    ["Connection:", "Connection: X-Hop", "X-Hop: 4711"],
  ],
  ["named-beside-close", "a field named beside close", ["Connection: X-Hop, close", "X-Hop: 4711"]],
  ["named-twice", "a named field that came twice", ["Connection: X-Hop", "X-Hop: 4711", "X-Hop: 4711"]],
];

/** Fields that are for one hop whether Connection names them or not. */
const FIXED = ["Keep-Alive: timeout=4711", "Proxy-Connection: 4711", "Upgrade: 4711"];

/** Fields for one hop: removed in both directions, and said anew where the next hop needs them. */
export const hopByHop: readonly ConformanceCase[] = [
  ...CONNECTIONS.flatMap(([name, title, fields]) => {
    const sees = { lacks: ["X-Hop"], nowhere: ["4711"] };
    const rules = ["rule 21", ...(name.includes("close") ? ["rule 24", "G5"] : []), CONNECTION];
    return [
      up({ name, title: `${title} does not reach the origin`, rules, fields, sees }),
      down({ name, title: `${title} does not reach the client`, rules, fields, sees }),
    ];
  }),
  ...FIXED.flatMap((field) => {
    const name = field.slice(0, field.indexOf(":"));
    const row = {
      name: name.toLowerCase(),
      rules: ["rule 21", CONNECTION],
      choice: true,
      fields: [field],
      sees: { nowhere: ["4711"] },
    };
    return [
      up({
        ...row,
        title: `${name} does not reach the origin`,
        ...(name === "Upgrade" ? { rules: ["rule 49", CONNECTION] } : {}),
      }),
      down({ ...row, title: `${name} does not reach the client` }),
    ];
  }),
  up({
    name: "proxy-authorization",
    title: "Proxy-Authorization does not reach the origin",
    rules: ["rule 21", "RFC 9110 section 11.7.2"],
    choice: true,
    fields: ["Proxy-Authorization: Basic NDcxMQ=="],
    sees: { lacks: ["Proxy-Authorization"] },
  }),
  down({
    name: "proxy-authenticate",
    title: "Proxy-Authenticate does not reach the client",
    rules: ["rule 21", "RFC 9110 section 11.7.1"],
    choice: true,
    fields: ['Proxy-Authenticate: Basic realm="4711"'],
    sees: { lacks: ["Proxy-Authenticate"] },
  }),
  up({
    name: "te-trailers",
    title: "TE: trailers is said to the origin anew",
    rules: ["rule 22", "RFC 9110 section 10.1.4"],
    choice: true,
    fields: ["TE: trailers"],
    sees: { fields: ["TE: trailers"] },
  }),
  up({
    name: "te-trailers-among-others",
    title: "of several codings in TE only trailers is forwarded",
    rules: ["rule 22"],
    choice: true,
    fields: ["TE: gzip;q=0.5, Trailers", "TE: deflate"],
    sees: { fields: ["TE: trailers"] },
  }),
  up({
    name: "te-other",
    title: "a transfer coding that the client takes says nothing of the proxy",
    rules: ["rule 22", "RFC 9110 section 10.1.4"],
    fields: ["TE: gzip"],
    sees: { lacks: ["TE"] },
  }),
  up({
    name: "te-trailers-with-weight",
    title: "trailers with a parameter is not trailers",
    rules: ["rule 22"],
    choice: true,
    fields: ["TE: trailers;q=0.5"],
    sees: { lacks: ["TE"] },
  }),
  up({
    name: "trailers-plural",
    title: "Trailers is a field like any other",
    rules: ["rule 21"],
    fields: ["Trailers: kept"],
    sees: { fields: ["Trailers: kept"] },
  }),
  down({
    name: "trailers-plural",
    title: "Trailers is a field like any other",
    rules: ["rule 21"],
    fields: ["Trailers: kept"],
    sees: { fields: ["Trailers: kept"] },
  }),
  up({
    name: "trailer-without-chunked",
    title: "Trailer on a request without content is not handed on",
    rules: ["rule 21"],
    choice: true,
    fields: ["Trailer: X-Sum"],
    sees: { lacks: ["Trailer"] },
  }),
  up({
    name: "connection-names-host",
    title: "Connection cannot take Host away",
    rules: ["rule 21", CONNECTION],
    fields: ["Connection: Host"],
    sees: { once: ["Host"], lacks: ["Connection: Host"] },
  }),
  exchange({
    id: area("request-connection-names-length"),
    title: "Connection cannot take the framing away",
    rules: ["rule 21", CONNECTION],
    sends: request({ method: "PUT", fields: ["Connection: Content-Length, Transfer-Encoding"], content: "abc" }),
    originSees: { content: "abc" },
    originSends: response(),
    clientSees: { status: 200 },
  }),
  down({
    name: "connection-names-length",
    title: "Connection cannot take the framing away",
    rules: ["rule 21", CONNECTION],
    fields: ["Connection: Content-Length"],
    sees: {},
  }),
  exchange({
    id: area("request-close"),
    title: "the client's close is not the origin's",
    rules: ["rule 8", CONNECTION],
    choice: true,
    sends: request({ fields: ["Connection: close"] }),
    originSees: { lacks: ["Connection: close"] },
    originSends: response({ content: "abc" }),
    clientSees: { status: 200, content: "abc" },
  }),
  exchange({
    id: area("response-426"),
    title: "the Upgrade of a 426 is about the hop after this one",
    rules: ["rule 21", "RFC 9110 section 7.8"],
    choice: true,
    sends: request(),
    originSends: response({ status: 426, fields: ["Upgrade: HTTP/4711", "Connection: Upgrade"] }),
    clientSees: { status: 426, lacks: ["Upgrade"] },
  }),
];
