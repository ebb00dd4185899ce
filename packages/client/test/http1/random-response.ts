import { counted, fieldLine, fieldLines, inChunks, text, untilClose } from "@trailsum/testkit/random-http1";
import * as fc from "fast-check";

/** A response to `method` as it is sent, latin1. */
export interface WireResponse {
  readonly method: string;
  readonly text: string;
}

const reason = fc.oneof(
  fc.constantFrom("", " ", " OK", " Not Found"),
  text.map((words) => ` ${words}`),
);

const interim = fc
  .tuple(fc.constantFrom(100, 102, 103, 199), reason, fc.array(fieldLine, { maxLength: 2 }))
  .map(([status, words, lines]) => `HTTP/1.1 ${status}${words}\r\n${lines.join("")}\r\n`);

/** Responses that no one has anything against. */
export const validResponse: fc.Arbitrary<WireResponse> = fc
  .record({
    interims: fc.array(interim, { maxLength: 2 }),
    status: fc.constantFrom(200, 200, 200, 201, 204, 206, 304, 404, 413, 599),
    method: fc.constantFrom("GET", "GET", "GET", "PUT", "HEAD"),
    old: fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0),
    reason,
    before: fieldLines,
    after: fieldLines,
    framed: fc.oneof(counted, inChunks, untilClose),
  })
  .filter(({ old, framed: { line } }) => !old || !/^transfer/i.test(line))
  .map(({ interims, status, method, old, reason: words, before, after, framed: { line, body } }) => {
    const empty = method === "HEAD" || status === 204 || status === 304;
    const start = `HTTP/1.${old ? 0 : 1} ${status}${words}\r\n`;
    const head = `${start}${before.join("")}${line}${after.join("")}\r\n`;
    return { method, text: interims.join("") + head + (empty ? "" : body) };
  });
