import { type CaseInit, type ConformanceCase, exchange } from "../conformance-case.ts";
import type { Expected } from "../expectation.ts";
import { request, response } from "../message.ts";

type Row = Omit<CaseInit, "id"> & {
  readonly name: string;
  readonly fields: readonly string[];
  readonly sees?: Expected;
};

const both = ({ name, fields, sees = { fields }, ...rest }: Row): ConformanceCase[] => [
  exchange({
    ...rest,
    id: `fields/request-${name}`,
    title: `${rest.title}, to the origin`,
    sends: request({ fields }),
    originSees: sees,
    originSends: response(),
    clientSees: { status: 200 },
  }),
  exchange({
    ...rest,
    id: `fields/response-${name}`,
    title: `${rest.title}, to the client`,
    sends: request(),
    originSends: response({ fields, content: "abc" }),
    clientSees: { status: 200, content: "abc", ...sees },
  }),
];

const many = Array.from({ length: 80 }, (_, at) => `X-Field-${at}: ${at}`);
const manyOfOne = Array.from({ length: 50 }, (_, at) => `X-Many: ${at}`);
const mixed = ["x-lower: 1", "X-UPPER: 2", "X_Under-Score: 3", "x-MiXed: 4"];

/** Header fields that belong to both ends: all of them, as they were. */
export const fields: readonly ConformanceCase[] = [
  ...both({
    name: "plain",
    title: "fields come through",
    rules: ["rule 3"],
    fields: ["X-One: 1", 'X-Two: a, b; c="d, e"'],
  }),
  ...both({
    name: "order",
    title: "lines of different names stay in their order",
    rules: ["RFC 9110 section 5.3"],
    choice: true,
    fields: ["X-C: 1", "X-A: 2", "X-B: 3", "X-A: 4"],
    sees: { exactly: ["X-C: 1", "X-A: 2", "X-B: 3", "X-A: 4"] },
  }),
  ...both({
    name: "name-case",
    title: "names keep their spelling",
    rules: ["RFC 9110 section 5.1"],
    choice: true,
    // HTTP/2 has lower case alone.
    only: { client: "1.1", origin: "1.1" },
    fields: mixed,
    sees: { exactly: mixed },
  }),
  ...both({
    name: "duplicates",
    title: "repeated fields keep their lines and their order",
    rules: ["rule 27", "RFC 9110 section 5.3"],
    choice: true,
    fields: ["X-Multi: one", "X-Multi: two", "X-Multi: one"],
  }),
  ...both({
    name: "many-of-one",
    title: "fifty lines of one name come through",
    rules: ["rule 27"],
    choice: true,
    fields: manyOfOne,
  }),
  ...both({
    name: "empty-value",
    title: "an empty value is kept",
    rules: ["RFC 9110 section 5.5"],
    choice: true,
    fields: ["X-Empty:"],
  }),
  ...both({
    name: "whitespace",
    title: "whitespace around a value does not belong to it, within it it does",
    rules: ["RFC 9110 section 5.5"],
    fields: ["X-Space:   a  b\tc  \t"],
    sees: { fields: ["X-Space: a  b\tc"] },
  }),
  ...both({
    name: "latin1",
    title: "octets above 127 come through as they are",
    rules: ["RFC 9110 section 5.5"],
    choice: true,
    fields: ["X-Name: caf\u00e9 \u00ff"],
  }),
  ...both({
    name: "utf8",
    title: "UTF-8 is forwarded unchanged",
    rules: ["RFC 9110 section 5.5"],
    choice: true,
    fields: ["X-Name: \u00e2\u0082\u00ac"],
  }),
  ...both({
    name: "token-name",
    title: "every character that a name may have is let through",
    rules: ["RFC 9110 section 5.6.2"],
    choice: true,
    fields: ["x!#$%&'*+-.^_`|~9: 1"],
  }),
  ...both({
    name: "names-of-javascript",
    title: "__proto__ and its like are names like any other",
    rules: ["RFC 9110 section 5.1"],
    choice: true,
    fields: ["__proto__: 1", "constructor: 2", "hasOwnProperty: 3", "toString: 4"],
  }),
  ...both({
    name: "many",
    title: "eighty fields come through",
    rules: ["RFC 9110 section 5.4"],
    choice: true,
    fields: many,
  }),
  ...both({
    name: "big",
    title: "a field of 7 KiB comes through",
    rules: ["RFC 9110 section 5.4"],
    choice: true,
    fields: [`X-Big: ${"x".repeat(7_168)}`],
  }),
  exchange({
    id: "fields/set-cookie",
    title: "Set-Cookie lines are never joined",
    rules: ["rule 27", "RFC 9110 section 5.3"],
    sends: request(),
    originSends: response({ fields: ["Set-Cookie: a=1; Path=/", "Set-Cookie: b=2, c", "Set-Cookie: a=3"] }),
    clientSees: { fields: ["Set-Cookie: a=1; Path=/", "Set-Cookie: b=2, c", "Set-Cookie: a=3"] },
  }),
  exchange({
    id: "fields/cookie",
    title: "two Cookie lines stay two, or become one joined by a semicolon",
    rules: ["rule 77"],
    choice: true,
    sends: request({ fields: ["Cookie: a=1", "Cookie: b=2"] }),
    originSees: { nowhere: ["a=1, b=2"] },
    originSends: response(),
    clientSees: { status: 200 },
  }),
  exchange({
    id: "fields/end-to-end",
    title: "conditions, ranges, types and credentials are handed on",
    rules: ["rule 3", "RFC 9110 section 7.6"],
    sends: request({
      fields: [
        'If-None-Match: "x"',
        "Range: bytes=0-1",
        "Authorization: Basic eA==",
        "Accept: a/b;q=0.1",
        "Origin: http://a",
      ],
    }),
    originSees: {
      fields: [
        'If-None-Match: "x"',
        "Range: bytes=0-1",
        "Authorization: Basic eA==",
        "Accept: a/b;q=0.1",
        "Origin: http://a",
      ],
    },
    originSends: response({
      status: 206,
      fields: ['ETag: "x"', "Content-Range: bytes 0-1/9", "Content-Type: a/b; c=d", "WWW-Authenticate: A b=c"],
      content: "ab",
    }),
    clientSees: {
      status: 206,
      fields: ['ETag: "x"', "Content-Range: bytes 0-1/9", "Content-Type: a/b; c=d", "WWW-Authenticate: A b=c"],
      content: "ab",
    },
  }),
  exchange({
    id: "fields/date",
    title: "the origin's Date stays, and is not doubled",
    rules: ["RFC 9110 section 6.6.1"],
    sends: request(),
    originSends: response({ fields: ["Date: Tue, 15 Nov 1994 08:12:31 GMT"] }),
    clientSees: { fields: ["Date: Tue, 15 Nov 1994 08:12:31 GMT"] },
  }),
  exchange({
    id: "fields/server",
    title: "the origin's Server stays",
    rules: ["RFC 9110 section 7.7"],
    choice: true,
    sends: request(),
    originSends: response({ fields: ["Server: origin/1.0"] }),
    clientSees: { fields: ["Server: origin/1.0"] },
  }),
  ...[201, 299, 308, 404, 418, 451, 503, 599].map((status) =>
    exchange({
      id: `fields/status-${status}`,
      title: `a ${status} is a ${status}, with its content`,
      rules: ["rule 34", "RFC 9110 section 15"],
      // Some ask again.
      choice: status === 503,
      sends: request(),
      originSends: response({ status, content: "because" }),
      clientSees: { status, content: "because" },
    }),
  ),
  exchange({
    id: "fields/reason",
    title: "the reason phrase comes through",
    rules: ["RFC 9112 section 4"],
    choice: true,
    only: { origin: "1.1" },
    sends: request(),
    originSends: response({ status: 200, reason: "Caf\u00e9 is open" }),
    clientSees: { status: 200, startsWith: "HTTP/1.1 200 Caf\u00e9 is open\r\n" },
  }),
  exchange({
    id: "fields/no-reason",
    title: "an empty reason phrase is understood",
    rules: ["RFC 9112 section 4"],
    only: { origin: "1.1" },
    sends: request(),
    originSends: response({ status: 200, reason: "", content: "abc" }),
    clientSees: { status: 200, content: "abc" },
  }),
];
