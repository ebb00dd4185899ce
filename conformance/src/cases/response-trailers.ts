import { type ConformanceCase, exchange } from "../conformance-case.ts";
import { request, response } from "../message.ts";

const get = request({ fields: ["TE: trailers"] });
const area = (name: string): string => `response-trailers/${name}`;
const KEPT = "RFC 9112 section 7.1.2 lets a recipient that removes the chunked coding discard trailers";

/** What a response's trailers are, on the wire of the origin and of the client. */
function trailers(init: {
  readonly name: string;
  readonly title: string;
  readonly rules: readonly string[];
  readonly choice?: boolean;
  readonly fields?: readonly string[];
  readonly content?: readonly string[];
  readonly sends: readonly string[];
  readonly sees?: readonly string[];
  readonly exactly?: boolean;
  readonly headSees?: readonly string[];
  readonly lacks?: readonly string[];
  readonly nowhere?: readonly string[];
}): ConformanceCase {
  const { name, sends, content = ["abc"], fields = [], headSees, lacks, nowhere, exactly = false, ...rest } = init;
  return exchange({
    id: area(name),
    title: rest.title,
    rules: rest.rules,
    choice: rest.choice ?? true,
    sends: get,
    originSends: response({ fields, content, framing: "chunked", trailers: sends }),
    clientSees: {
      status: 200,
      content: content.join(""),
      ...(rest.sees === undefined ? {} : { [exactly ? "trailersExactly" : "trailers"]: rest.sees }),
      ...(headSees === undefined ? {} : { fields: headSees }),
      ...(lacks === undefined ? {} : { lacks }),
      ...(nowhere === undefined ? {} : { nowhere }),
    },
  });
}

/**
 * Names that no trailer may have: those that frame or route a message, and others. To generate them is forbidden; of
 * forwarding them RFC 9110 says nothing.
 */
const FORBIDDEN = [
  "Content-Length",
  "Transfer-Encoding",
  "Trailer",
  "Connection",
  "Host",
  "Authorization",
  "Set-Cookie",
  "Content-Type",
  "Content-Encoding",
  "Cache-Control",
  "WWW-Authenticate",
];

const sum = ["X-Sum: 0a1b"];

/** Trailers of responses: kept as received, filtered, never merged. */
export const responseTrailers: readonly ConformanceCase[] = [
  trailers({
    name: "declared",
    title: `a declared trailer comes through (${KEPT})`,
    rules: ["rule 60", "rule 61", "rule 62", "RFC 9110 section 6.5"],
    fields: ["Trailer: X-Sum"],
    sends: sum,
    sees: sum,
  }),
  trailers({
    name: "announced",
    title: "the names are announced ahead of the content",
    rules: ["rule 60", "RFC 9110 section 6.6.2"],
    fields: ["Trailer: X-Sum, X-Size"],
    sends: ["X-Sum: 1", "X-Size: 2"],
    headSees: ["Trailer: X-Sum, X-Size"],
  }),
  trailers({
    name: "undeclared",
    title: "an undeclared trailer comes through: gRPC announces none",
    rules: ["rule 61", "rule 62", "RFC 9110 section 6.5"],
    sends: ["Grpc-Status: 0"],
    sees: ["Grpc-Status: 0"],
  }),
  trailers({
    name: "mixed",
    title: "declared and undeclared ones come through together",
    rules: ["rule 62"],
    fields: ["Trailer: X-Sum"],
    sends: ["X-Sum: 1", "X-Late: 2"],
    sees: ["X-Sum: 1", "X-Late: 2"],
  }),
  trailers({
    name: "order",
    title: "lines stay in the origin's order",
    rules: ["rule 60", "G14"],
    fields: ["Trailer: X-C, X-A, X-B"],
    sends: ["X-C: 1", "X-A: 2", "X-B: 3", "X-C: 4"],
    sees: ["X-C: 1", "X-A: 2", "X-B: 3", "X-C: 4"],
    exactly: true,
  }),
  trailers({
    name: "duplicates",
    title: "repeated fields keep their values and their order",
    rules: ["rule 64", "RFC 9110 section 5.3"],
    fields: ["Trailer: X-Part"],
    sends: ["X-Part: one", "X-Part: two", "X-Part: one"],
    sees: ["X-Part: one", "X-Part: two", "X-Part: one"],
  }),
  trailers({
    name: "empty-value",
    title: "an empty value is kept",
    rules: ["rule 64"],
    fields: ["Trailer: X-Empty"],
    sends: ["X-Empty:"],
    sees: ["X-Empty:"],
  }),
  trailers({
    name: "empty-body",
    title: "trailers follow an empty body",
    rules: ["rule 61"],
    fields: ["Trailer: X-Sum"],
    content: [],
    sends: sum,
    sees: sum,
  }),
  trailers({
    name: "empty-body-undeclared",
    title: "undeclared trailers follow an empty body",
    rules: ["rule 61", "RFC 9112 section 7.1.2"],
    content: [],
    sends: sum,
    sees: sum,
  }),
  trailers({
    name: "announced-and-missing",
    title: "an announced trailer that never came is not made up",
    rules: ["rule 63"],
    choice: false,
    fields: ["Trailer: X-Sum"],
    sends: [],
    sees: [],
  }),
  trailers({
    name: "trailing-whitespace",
    title: "whitespace around a value does not belong to it",
    rules: ["rule 64", "RFC 9110 section 5.5"],
    sends: ["X-Sum: \t 0a1b \t"],
    sees: sum,
  }),
  trailers({
    name: "name-case",
    title: "names are spelled as the origin spelled them",
    rules: ["rule 64"],
    fields: ["Trailer: x-SuM"],
    sends: ["x-SuM: 1"],
    sees: ["x-SuM: 1"],
    exactly: true,
  }),
  trailers({
    name: "latin1",
    title: "octets above 127 come through",
    rules: ["RFC 9110 section 5.5"],
    sends: ["X-Name: caf\u00e9"],
    sees: ["X-Name: caf\u00e9"],
  }),
  trailers({
    name: "large",
    title: "8 KiB of trailers come through",
    rules: ["rule 38", "G11"],
    sends: [`X-Large: ${"x".repeat(8_000)}`],
    sees: [`X-Large: ${"x".repeat(8_000)}`],
  }),
  trailers({
    name: "many",
    title: "a hundred trailers come through",
    rules: ["G11"],
    sends: Array.from({ length: 100 }, (_, at) => `X-${at}: ${at}`),
    sees: Array.from({ length: 100 }, (_, at) => `X-${at}: ${at}`),
  }),
  trailers({
    name: "same-name-as-header",
    title: "a trailer with the name of a header field is never merged into it",
    rules: ["rule 68", "G2", "RFC 9110 section 6.5.1"],
    choice: false,
    fields: ["X-Sum: header", "Trailer: X-Sum"],
    sends: ["X-Sum: trailer"],
    headSees: ["X-Sum: header"],
  }),
  trailers({
    name: "header-value-not-repeated",
    title: "the value of a header field is not repeated as a trailer",
    rules: ["rule 68", "G2"],
    fields: ["X-Sum: header", "Trailer: X-Sum"],
    sends: ["X-Sum: trailer"],
    sees: ["X-Sum: trailer"],
  }),
  trailers({
    name: "named-in-connection",
    title: "a trailer that Connection names is for one hop",
    rules: ["rule 25", "G5", "RFC 9110 section 7.6.1"],
    choice: false,
    fields: ["Connection: X-Hop", "Trailer: X-Hop"],
    sends: ["X-Hop: for-one-hop"],
    nowhere: ["for-one-hop"],
  }),
  trailers({
    name: "named-in-connection-not-announced",
    title: "a trailer that Connection names is not announced either",
    rules: ["rule 25", "G14"],
    fields: ["Connection: X-Hop", "Trailer: X-Hop, X-Sum"],
    sends: ["X-Hop: 1", "X-Sum: 2"],
    sees: ["X-Sum: 2"],
    headSees: ["Trailer: X-Sum"],
  }),
  trailers({
    name: "bad-announcement",
    title: "an invalid name is not announced",
    rules: ["rule 60", "G14"],
    fields: ["Trailer: bad name, X-Sum, X-Sum"],
    sends: sum,
    sees: sum,
    headSees: ["Trailer: X-Sum"],
  }),
  trailers({
    name: "forbidden-not-announced",
    title: "a forbidden name is not announced, allowed ones beside it are",
    rules: ["rule 66", "G14"],
    fields: ["Trailer: Authorization, X-Sum"],
    sends: ["Authorization: forged", "X-Sum: 1"],
    sees: ["X-Sum: 1"],
    headSees: ["Trailer: X-Sum"],
  }),
  ...FORBIDDEN.map((name) =>
    exchange({
      id: area(`forbidden-${name.toLowerCase()}`),
      title: `${name} is never passed on as a trailer`,
      rules: ["rule 65", "rule 67", "G4", "RFC 9110 section 6.5.1"],
      choice: true,
      sends: get,
      originSends: response({ content: ["abc"], framing: "chunked", trailers: [`${name}: 4711`, "X-Sum: 1"] }),
      clientSees: { end: "either", nowhere: ["4711"] },
    }),
  ),
  exchange({
    id: area("http10-client"),
    title: "a client of HTTP/1.0 gets the content and no trailers",
    rules: ["rule 71", "RFC 9112 section 6.1"],
    choice: true,
    sends: request({ version: "1.0" }),
    originSends: response({ fields: ["Trailer: X-Sum"], content: ["abc"], trailers: sum }),
    clientSees: { status: 200, lacks: ["Transfer-Encoding", "Trailer"], nowhere: ["0a1b"], content: "abc" },
  }),
  exchange({
    id: area("without-te"),
    title: "they come through to a client that did not say TE: trailers",
    rules: ["rule 23"],
    choice: true,
    sends: request(),
    originSends: response({ content: ["abc"], trailers: sum }),
    clientSees: { content: "abc", trailers: sum },
  }),
  exchange({
    id: area("with-content-length"),
    title: "Trailer beside Content-Length is dropped, the content passes",
    rules: ["rule 70"],
    choice: true,
    only: { origin: "1.1" },
    sends: get,
    originSends: response({ fields: ["Trailer: X-Sum"], content: "abc" }),
    clientSees: { content: "abc", trailers: [], lacks: ["Trailer"] },
  }),
  ...(
    [
      ["no-colon", "a line without a colon", "X-Sum 1\r\n\r\n"],
      ["space-before-colon", "a space before the colon", "X-Sum : 1\r\n\r\n"],
      ["leading-space", "a first line that begins with a space", " X-Sum: 1\r\n\r\n"],
      ["folded", "a folded line", "X-Sum: 1\r\n 2\r\n\r\n"],
      ["bare-lf", "a line that ends in a bare LF", "X-Sum: 1\nX-B: 2\r\n\r\n"],
      ["bare-cr", "a bare CR", "X-Sum: 1\rX-B: 2\r\n\r\n"],
      ["nul", "a NUL", "X-Sum: 1\0\r\n\r\n"],
      ["empty-name", "an empty name", ": 1\r\n\r\n"],
      ["oversize", "40 KiB of trailers", `X-Large: ${"x".repeat(40_000)}\r\n\r\n`],
      ["too-many", "3,000 trailers", `${"X-Many: 1\r\n".repeat(3_000)}\r\n`],
    ] as const
  ).map(([name, title, section]) =>
    exchange({
      id: area(`malformed-${name}`),
      title: `${title}: the client sees a broken message`,
      rules: ["rule 38", "G10", "G11", "RFC 9112 section 5"],
      choice: true,
      sends: get,
      originSends: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n${section}`,
      clientSees: { end: "broken" },
    }),
  ),
];
