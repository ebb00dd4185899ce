import * as fc from "fast-check";

import { anyOf, validResponse, type WireResponse } from "./random-response.ts";

type Mutation = (text: string) => string;

const character = anyOf('\r\n \t\0:;,="0123fFxX+-_\u007f\u0080\u00ff\u000b\u000c\u0001\r\n \t\r\n \t:;0');
const phrase = fc.constantFrom(
  "\r\n",
  "\n\r",
  "\r\r\n",
  "\r\n ",
  "\r\n\t",
  "\r\n\r\n",
  "\n\n",
  "0x",
  ";a=b",
  "0\r\n\r\n",
  "Content-Length: 3\r\n",
  "Content-Length: 0\r\n",
  "Content-Length: \r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding: gzip, chunked\r\n",
  "Transfer-Encoding: identity\r\n",
  "Transfer-Encoding:chunked\t\r\n",
  "Connection: upgrade\r\nUpgrade: x\r\n",
  "Connection: close\r\n",
  "HTTP/1.1 200 OK\r\n",
  "HTTP/1.1 100 Continue\r\n\r\n",
  ", chunked",
  "chunked",
);

const snippet = fc.oneof({ arbitrary: character, weight: 2 }, { arbitrary: phrase, weight: 1 });

/** Places in a text, those where its syntax turns four times as often as any other. */
const place = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 4 })).map(([number, kind]) => (bytes: string): number => {
  if (kind === 0 || bytes === "") return number % (bytes.length + 1);
  const turns = Array.from(bytes.matchAll(/\r|\n|:|;|\d|chunked/g), ({ index }) => index);
  return turns.length === 0 ? number % bytes.length : turns[number % turns.length]! + (kind % 2);
});

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(place, snippet).map(
    ([at, what]): Mutation =>
      (bytes) =>
        splice(bytes, at(bytes), 0, what),
  ),
  fc.tuple(place, fc.integer({ min: 1, max: 3 })).map(
    ([at, count]): Mutation =>
      (bytes) =>
        splice(bytes, at(bytes), count, ""),
  ),
  fc.tuple(place, snippet).map(
    ([at, what]): Mutation =>
      (bytes) =>
        splice(bytes, at(bytes), 1, what),
  ),
  fc.tuple(fc.nat(), fc.nat()).map(([from, to]): Mutation => (bytes) => {
    const lines = bytes.split(/(?<=\n)/);
    lines.splice(to % lines.length, 0, lines[from % lines.length]!);
    return lines.join("");
  }),
  fc.tuple(fc.nat(), fc.nat()).map(([from, to]): Mutation => (bytes) => {
    const lines = bytes.split(/(?<=\n)/);
    const [line = ""] = lines.splice(from % lines.length, 1);
    lines.splice(to % (lines.length + 1), 0, line);
    return lines.join("");
  }),
  fc.nat().map(
    (at): Mutation =>
      (bytes) =>
        bytes.slice(0, at % (bytes.length + 1)),
  ),
);

function splice(bytes: string, at: number, count: number, what: string): string {
  return bytes.slice(0, at) + what + bytes.slice(at + count);
}

/** Responses with something wrong in most of them. */
export const mutatedResponse: fc.Arbitrary<WireResponse> = fc
  .tuple(validResponse, fc.array(mutation, { minLength: 1, maxLength: 3 }))
  .map(([{ method, text: bytes }, mutations]) => ({
    method,
    text: mutations.reduce((mutated, mutate) => mutate(mutated), bytes),
  }));
