import { mutations } from "@trailsum/testkit/mutated-http1";
import { anyOf, counted, fieldLines, inChunks } from "@trailsum/testkit/random-http1";
import * as fc from "fast-check";

const method = fc.constantFrom("GET", "GET", "POST", "PUT", "HEAD", "DELETE", "PROPFIND", "M-SEARCH", "QUERY");

const path = fc.string({ unit: anyOf("abcXYZ09%-._~!$&'()*+,;=:@/?[]{}|^`\\\"<>") }).map((rest) => `/${rest}`);
const target = fc.oneof(
  { arbitrary: path, weight: 5 },
  {
    arbitrary: fc.constantFrom("http://a/b?c", "http://a.example:80", "HTTPS://[::1]:8080/", "http://a?b", "*"),
    weight: 1,
  },
);

const none = fc.constant({ line: "", body: "" });

const own = fc.constantFrom(
  "Expect: 100-continue\r\n",
  "Connection: Upgrade\r\nUpgrade: websocket\r\n",
  "Upgrade: h2c\r\n",
  "TE: trailers\r\n",
);

/** A request as it is sent, latin1, that no one has anything against. */
const validRequest: fc.Arbitrary<string> = fc
  .record({
    method,
    target,
    old: fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0),
    hosted: fc.integer({ min: 0, max: 9 }).map((dice) => dice > 0),
    ahead: fc.constantFrom("", "", "", "", "\r\n", "\r\n\r\n"),
    before: fieldLines,
    own: fc.oneof({ arbitrary: fc.constant(""), weight: 4 }, { arbitrary: own, weight: 1 }),
    after: fieldLines,
    framed: fc.oneof(none, counted, inChunks),
  })
  .filter(({ old, framed: { line } }) => !old || !/^transfer/i.test(line))
  .map(({ method: verb, target: asked, old, hosted, ahead, before, own: special, after, framed: { line, body } }) => {
    const start = `${asked === "*" ? "OPTIONS" : verb} ${asked} HTTP/1.${old ? 0 : 1}\r\n`;
    const host = old && !hosted ? "" : "Host: a.example\r\n";
    return `${ahead}${start}${before.join("")}${host}${special}${line}${after.join("")}\r\n${body}`;
  });

/** Requests one after the other on one connection. */
export const validRequests: fc.Arbitrary<string> = fc
  .array(validRequest, { minLength: 1, maxLength: 3 })
  .map((all) => all.join(""));

const PHRASES = [
  "GET / HTTP/1.1\r\nHost: b\r\n\r\n",
  "Host: c\r\n",
  "Host:\r\n",
  " HTTP/1.0\r\n",
  " HTTP/2.0\r\n",
  "HTTP/1.1",
  "http://",
  "ftp://",
  "CONNECT ",
  "PRI ",
  "Expect: 100-continue\r\n",
  "Expect: 200-ok\r\n",
  "*",
  "#",
  "@",
  "/",
  "?",
];

/** Requests with something wrong in most of them. */
export const mutatedRequests: fc.Arbitrary<string> = fc
  .tuple(validRequests, mutations(PHRASES))
  .map(([text, mutate]) => mutate(text));
