import { type CaseInit, type ConformanceCase, exchange } from "../conformance-case.ts";
import type { Expected } from "../expectation.ts";
import { CASE, HOST, request, response } from "../message.ts";

const area = (name: string): string => `request-trailers/${name}`;
const sum = ["X-Sum: 0a1b"];

/** What a request's trailers are, on the wire of the client and of the origin. */
function trailers(
  init: Omit<CaseInit, "id"> & {
    readonly name: string;
    readonly fields?: readonly string[];
    readonly content?: readonly string[];
    readonly sends: readonly string[];
    readonly sees: Expected;
  },
): ConformanceCase {
  const { name, fields = [], content = ["abc"], sends, sees, ...rest } = init;
  return exchange({
    choice: true,
    ...rest,
    id: area(name),
    sends: request({ method: "PUT", fields, content, framing: "chunked", trailers: sends }),
    originSees: { content: content.join(""), ...sees },
    originSends: response(),
    clientSees: { status: 200 },
  });
}

/** Names that no trailer may have. */
const FORBIDDEN = [
  "Content-Length",
  "Transfer-Encoding",
  "Host",
  "Connection",
  "Trailer",
  "Authorization",
  "Cookie",
  "X-Forwarded-For",
  "Forwarded",
  "Content-Type",
  "If-Match",
  "Expect",
];

/** Trailers of requests: by policy, since they come after routing and authentication have run. */
export const requestTrailers: readonly ConformanceCase[] = [
  trailers({
    name: "declared",
    title: "a declared trailer reaches the origin with its value",
    rules: ["rule 73", "G1"],
    fields: ["Trailer: X-Sum"],
    sends: sum,
    sees: { trailers: sum },
  }),
  trailers({
    name: "announced",
    title: "declared names are announced to the origin, in their order",
    rules: ["rule 73", "G14"],
    fields: ["Trailer: X-Sum, X-Size"],
    sends: ["X-Sum: 1", "X-Size: 2"],
    sees: { fields: ["Trailer: X-Sum, X-Size"], framing: "chunked" },
  }),
  trailers({
    name: "not-announced-in-vain",
    title: "only what may come is announced to the origin",
    rules: ["rule 73", "G14"],
    fields: ["Trailer: Authorization, X-Sum, Host"],
    sends: ["X-Sum: 1"],
    sees: { fields: ["Trailer: X-Sum"], trailers: ["X-Sum: 1"] },
  }),
  trailers({
    name: "undeclared",
    title: "an undeclared trailer is not let through unasked",
    rules: ["rule 73", "G1"],
    sends: ["X-Role: admin"],
    sees: { trailers: [] },
  }),
  trailers({
    name: "undeclared-beside-declared",
    title: "an undeclared trailer beside a declared one is not let through unasked",
    rules: ["rule 73", "G1"],
    fields: ["Trailer: X-Sum"],
    sends: ["X-Role: admin", "X-Sum: 1"],
    sees: { trailers: ["X-Sum: 1"] },
  }),
  trailers({
    name: "undeclared-asked-for",
    title: "an undeclared trailer passes where all are let through",
    rules: ["rule 73", "G1"],
    setup: "all-request-trailers",
    sends: sum,
    sees: { trailers: sum },
  }),
  trailers({
    name: "all-still-filtered",
    title: "forbidden names do not pass even where all are let through",
    rules: ["rule 73", "G1", "G4"],
    setup: "all-request-trailers",
    sends: ["Authorization: forged", "X-Forwarded-For: forged", "X-Sum: 1"],
    sees: { trailers: ["X-Sum: 1"], nowhere: ["forged"] },
  }),
  trailers({
    name: "none",
    title: "no trailer passes, and none is announced, where none is let through",
    rules: ["rule 73", "G1"],
    setup: "no-trailers",
    fields: ["Trailer: X-Sum"],
    sends: sum,
    sees: { trailers: [], lacks: ["Trailer"] },
  }),
  trailers({
    name: "unasked-integrity",
    title: "integrity fields pass unasked, announced or not",
    rules: ["rule 73", "G1"],
    setup: "defaults",
    fields: ["Trailer: Md5"],
    sends: ["Md5: 900150983cd24fb0d6963f7d28e17f72", "Size: 3"],
    sees: { fields: ["Trailer: Md5"], trailers: ["Md5: 900150983cd24fb0d6963f7d28e17f72", "Size: 3"] },
  }),
  trailers({
    name: "unasked-others",
    title: "no other field passes unasked, though the client announces it",
    rules: ["rule 73", "G1"],
    setup: "defaults",
    fields: ["Trailer: X-Auth-User, X_Forwarded_For"],
    sends: ["X-Auth-User: 4711", "X_Forwarded_For: 4711"],
    sees: { trailers: [], lacks: ["Trailer"], nowhere: ["4711"] },
  }),
  trailers({
    name: "never-header",
    title: "a trailer never becomes a header field",
    rules: ["rule 73", "RFC 9110 section 6.5.1"],
    choice: false,
    fields: ["X-Sum: header", "Trailer: X-Sum"],
    sends: ["X-Sum: trailer"],
    sees: { fields: ["X-Sum: header"] },
  }),
  trailers({
    name: "same-name-as-header",
    title: "a header field and a trailer of one name stay apart",
    rules: ["rule 68", "G2"],
    fields: ["X-Sum: header", "Trailer: X-Sum"],
    sends: ["X-Sum: trailer"],
    sees: { fields: ["X-Sum: header"], trailers: ["X-Sum: trailer"] },
  }),
  trailers({
    name: "order",
    title: "lines stay in the client's order, spelled as they were",
    rules: ["rule 73", "G14"],
    fields: ["Trailer: x-C, X-a"],
    sends: ["x-C: 1", "X-a: 2", "x-C: 3"],
    sees: { trailersExactly: ["x-C: 1", "X-a: 2", "x-C: 3"] },
  }),
  trailers({
    name: "duplicates",
    title: "repeated fields keep their values and their order",
    rules: ["rule 64", "G1"],
    fields: ["Trailer: X-Part"],
    sends: ["X-Part: one", "X-Part: two"],
    sees: { trailers: ["X-Part: one", "X-Part: two"] },
  }),
  trailers({
    name: "empty-value",
    title: "an empty value is kept",
    rules: ["rule 64", "G1"],
    fields: ["Trailer: X-Empty"],
    sends: ["X-Empty:"],
    sees: { trailers: ["X-Empty:"] },
  }),
  trailers({
    name: "empty-body",
    title: "trailers follow an empty body",
    rules: ["rule 61", "G12"],
    fields: ["Trailer: X-Sum"],
    content: [],
    sends: sum,
    sees: { trailers: sum },
  }),
  trailers({
    name: "announced-and-missing",
    title: "an announced trailer that never came is not made up, and the request is complete",
    rules: ["rule 63"],
    choice: false,
    fields: ["Trailer: X-Sum"],
    sends: [],
    sees: { trailers: [] },
  }),
  trailers({
    name: "two-trailer-lines",
    title: "names are announced in more than one Trailer line",
    rules: ["rule 73", "RFC 9110 section 5.3"],
    fields: ["Trailer: X-A", "Trailer: X-B"],
    sends: ["X-A: 1", "X-B: 2"],
    sees: { trailers: ["X-A: 1", "X-B: 2"] },
  }),
  trailers({
    name: "declared-in-other-case",
    title: "the names in Trailer are compared without regard to case",
    rules: ["rule 73"],
    fields: ["Trailer: x-sum"],
    sends: ["X-SUM: 1"],
    sees: { trailers: ["X-SUM: 1"] },
  }),
  trailers({
    name: "named-in-connection",
    title: "a trailer that Connection names is for one hop",
    rules: ["rule 25", "G5", "RFC 9110 section 7.6.1"],
    choice: false,
    fields: ["Connection: X-Hop", "Trailer: X-Hop"],
    sends: ["X-Hop: for-one-hop"],
    sees: { nowhere: ["for-one-hop"] },
  }),
  trailers({
    name: "large",
    title: "8 KiB of trailers reach the origin",
    rules: ["G1", "G11"],
    fields: ["Trailer: X-Large"],
    sends: [`X-Large: ${"x".repeat(8_000)}`],
    sees: { trailers: [`X-Large: ${"x".repeat(8_000)}`] },
  }),
  exchange({
    id: area("get"),
    title: "a GET with chunked content hands its trailers on as well",
    rules: ["rule 73", "G12"],
    choice: true,
    sends: request({ method: "GET", fields: ["Trailer: X-Sum"], content: ["abc"], trailers: sum }),
    originSees: { method: "GET", content: "abc", trailers: sum },
    originSends: response(),
    clientSees: { status: 200 },
  }),
  exchange({
    id: area("with-content-length"),
    title: "Trailer beside Content-Length announces nothing",
    rules: ["rule 70"],
    choice: true,
    only: { client: "1.1" },
    sends: request({ method: "PUT", fields: ["Trailer: X-Sum"], content: "abc" }),
    originSees: { content: "abc", lacks: ["Trailer"] },
    originSends: response(),
    clientSees: { status: 200 },
  }),
  ...FORBIDDEN.map((name) =>
    exchange({
      id: area(`forbidden-${name.toLowerCase()}`),
      title: `${name} is never passed on as a trailer, declared or not`,
      rules: ["rule 66", "rule 67", "G4", "RFC 9110 section 6.5.1"],
      choice: true,
      sends: request({
        method: "PUT",
        fields: [`Trailer: ${name}, X-Sum`],
        content: ["abc"],
        trailers: [`${name}: 4711`, "X-Sum: 1"],
      }),
      originSees: { end: "either", nowhere: ["4711"] },
      originSends: response(),
      clientSees: { end: "either" },
      reached: "maybe",
    }),
  ),
  ...(
    [
      ["no-colon", "a line without a colon", "X-Sum 1\r\n\r\n"],
      ["space-before-colon", "a space before the colon", "X-Sum : 1\r\n\r\n"],
      ["folded", "a folded line", "X-Sum: 1\r\n 2\r\n\r\n"],
      ["bare-lf", "a line that ends in a bare LF", "X-Sum: 1\nX-B: 2\r\n\r\n"],
      ["bare-cr", "a bare CR", "X-Sum: 1\rX-B: 2\r\n\r\n"],
      ["nul", "a NUL", "X-Sum: 1\0\r\n\r\n"],
      ["oversize", "40 KiB of trailers", `X-Sum: ${"x".repeat(40_000)}\r\n\r\n`],
      ["too-many", "3,000 trailers", `${"X-Sum: 1\r\n".repeat(3_000)}\r\n`],
    ] as const
  ).map(([name, title, section]) =>
    exchange({
      id: area(`malformed-${name}`),
      title: `${title}: the origin never sees the request's end`,
      rules: ["rule 38", "G10", "G11", "RFC 9112 section 5"],
      choice: true,
      sends: `PUT / HTTP/1.1\r\nHost: ${HOST}\r\n${CASE}\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\n${section}`,
      originSees: { end: "broken" },
      originSends: response(),
      clientSees: { end: "either" },
      reached: "maybe",
    }),
  ),
];
