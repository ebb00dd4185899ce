import { type ConformanceCase, exchange, refused, script } from "../conformance-case.ts";
import { CASE, request, response, type RequestInit, HOST } from "../message.ts";

const PROXY_KEEPS = "RFC 9110 section 7.7";
const area = (name: string): string => `targets/${name}`;

type Row = readonly [name: string, title: string, rule: string, target: string, seen: string];

/** Paths and queries that go on byte for byte. */
const KEPT: readonly Row[] = [
  ["plain", "a path and a query", "rule 11", "/a/b?c=d&e", "/a/b?c=d&e"],
  ["escaped-slash", "an escaped slash", "rule 29", "/a%2Fb/c%2f", "/a%2Fb/c%2f"],
  ["escaped-letter", "an escape that is not needed", "rule 29", "/%61%7E", "/%61%7E"],
  ["escaped-percent", "an escaped percent sign", "rule 29", "/100%25", "/100%25"],
  ["escaped-octets", "escaped octets that are no UTF-8", "rule 29", "/%ff%00%0d%0a", "/%ff%00%0d%0a"],
  ["double-slash", "two slashes", "rule 29", "//a//b", "//a//b"],
  ["semicolon-in-path", "a semicolon in a path", "rule 29", "/a;v=1/b", "/a;v=1/b"],
  ["punctuation", "punctuation", "rule 29", "/a!$&'()*+,=:@-._~", "/a!$&'()*+,=:@-._~"],
  ["brackets", "brackets in a query", "rule 31", "/?a[]=1&b={x}|", "/?a[]=1&b={x}|"],
  ["empty-query", "a question mark with nothing after it", "rule 30", "/a?", "/a?"],
  ["plus", "plus signs and escaped spaces in a query", "rule 31", "/?a=b+c%20d", "/?a=b+c%20d"],
  ["empty-parameters", "empty parameters", "rule 31", "/?&a=&&=b&", "/?&a=&&=b&"],
  ["query-order", "the order of parameters", "rule 31", "/?b=2&a=1&b=1", "/?b=2&a=1&b=1"],
  ["two-question-marks", "a question mark in a query", "rule 31", "/?a=b?c", "/?a=b?c"],
  ["semicolon-as-is", "a semicolon in a query", "rule 31", "/?a=1&a=2;b=3", "/?a=1&a=2;b=3"],
  ["bad-escape-as-is", "a bad escape in a query", "rule 31", "/?a=1&a=%zz&b=3", "/?a=1&a=%zz&b=3"],
  ["many-as-is", "more than 10,000 parameters", "rule 31", `/?${"&".repeat(10_000)}`, `/?${"&".repeat(10_000)}`],
  ["long", "a target of 8,000 octets", "RFC 9112 section 3", `/${"x".repeat(7_999)}`, `/${"x".repeat(7_999)}`],
];

/** Queries that two parsers would read differently, cleaned on request, so that no parameter is smuggled. */
const CLEANED: readonly Row[] = [
  ["query-semicolon", "a semicolon in a query", "rule 31", "/?a=1&a=2;b=3", "/?a=1"],
  ["query-bad-escape", "a bad escape in a query", "rule 31", "/?a=1&a=%zz&b=3", "/?a=1&b=3"],
  ["query-nothing-left", "a query that is only a bad pair", "rule 31", "/?a=%zz", "/"],
  ["query-sorted", "a cleaned query is sorted and escaped anew", "rule 31", "/?b=2&a=%41&a=x+y;", "/?a=A&b=2"],
  ["query-too-many", "more than 10,000 parameters", "rule 31", `/?${"&".repeat(10_000)}`, "/"],
];

/** Targets that are joined to a base of `/base/?fixed=1`. */
const BASED: readonly Row[] = [
  ["based", "a path and a query are joined to the target's", "rule 28", "/a?b=c", "/base/a?fixed=1&b=c"],
  ["based-no-query", "no & is added to a query alone", "rule 30", "/a", "/base/a?fixed=1"],
  ["based-escaped", "an escaped slash does not separate", "rule 29", "/%2Fa", "/base/%2Fa?fixed=1"],
  ["based-root", "the root is the target's own path", "rule 29", "/", "/base/?fixed=1"],
];

function kept(init: RequestInit, id: string, title: string, rules: readonly string[], choice = false): ConformanceCase {
  const method = init.method ?? "GET";
  return exchange({
    id: area(id),
    title,
    rules,
    choice,
    sends: request(init),
    originSees: { method, target: init.target ?? "/" },
    originSends: response(),
    clientSees: { status: 200 },
  });
}

/** Targets and methods: what is asked, and how. */
export const targets: readonly ConformanceCase[] = [
  ...[...KEPT, ...CLEANED, ...BASED].map((row) => {
    const [name, title, rule, target, seen] = row;
    return exchange({
      id: area(name),
      title: KEPT.includes(row) ? `${title} is forwarded byte for byte` : title,
      rules: [rule, PROXY_KEEPS],
      choice: true,
      setup: BASED.includes(row) ? "based" : CLEANED.includes(row) ? "clean-query" : "usual",
      sends: request({ target }),
      originSees: { target: seen },
      originSends: response(),
      clientSees: { status: 200 },
    });
  }),
  kept({ target: "/a%2Fb?c=%2F" }, "essence", "path and query survive in essence", [PROXY_KEEPS]),
  exchange({
    id: area("absolute-form"),
    title: "an absolute target is understood, and sent on in origin form",
    rules: ["RFC 9112 section 3.2.2"],
    choice: true,
    sends: request({ target: `http://${HOST}/a?b=c` }),
    originSees: { target: "/a?b=c" },
    originSends: response(),
    clientSees: { status: 200 },
  }),
  exchange({
    id: area("absolute-form-without-path"),
    title: "an absolute target without a path asks for the root",
    rules: ["RFC 9112 section 3.2.1"],
    choice: true,
    sends: request({ target: `http://${HOST}` }),
    originSees: { target: "/" },
    originSends: response(),
    clientSees: { status: 200 },
  }),
  exchange({
    id: area("absolute-form-query-only"),
    title: "an absolute target without a path keeps its query",
    rules: ["RFC 9112 section 3.2.1"],
    choice: true,
    sends: request({ target: `http://${HOST}?a=b` }),
    originSees: { target: "/?a=b" },
    originSends: response(),
    clientSees: { status: 200 },
  }),
  kept(
    { method: "OPTIONS", target: "*" },
    "options-asterisk",
    "OPTIONS * is forwarded",
    ["RFC 9112 section 3.2.4"],
    true,
  ),
  ...["PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "REPORT", "M-SEARCH", "QUERY", "PURGE"].map((method) =>
    kept({ method }, `method-${method.toLowerCase()}`, `${method} is forwarded`, ["RFC 9110 section 9.1"], true),
  ),
  kept(
    { method: "FROBNICATE" },
    "method-unknown",
    "a method that the proxy does not know is forwarded",
    ["RFC 9110 section 9.1", "RFC 9110 section 16.1.1"],
    true,
  ),
  script({
    id: area("connect"),
    title: "CONNECT opens no tunnel",
    rules: ["RFC 9110 section 9.3.6"],
    choice: true,
    client: [
      { send: `CONNECT 127.0.0.1:9 HTTP/1.1\r\nHost: 127.0.0.1:9\r\n${CASE}\r\n\r\n` },
      { see: { status: [400, 403, 404, 405, 421, 501, 502, 503], end: "either" } },
    ],
    origin: [],
    reached: "maybe",
  }),
  refused({
    id: area("fragment-or-garbage"),
    title: "an invalid target is refused",
    rules: ["RFC 9112 section 3.2"],
    choice: true,
    sends: `GET no-slash HTTP/1.1\r\nHost: ${HOST}\r\n${CASE}\r\n\r\n`,
    status: [400, 404, 405],
  }),
];
