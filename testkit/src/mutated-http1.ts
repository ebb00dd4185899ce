import * as fc from "fast-check";

import { anyOf } from "./random-http1.ts";

type Mutation = (text: string) => string;

const character = anyOf('\r\n \t\0:;,="0123fFxX+-_\u007f\u0080\u00ff\u000b\u000c\u0001\r\n \t\r\n \t:;0');
const PHRASES = [
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
  ", chunked",
  "chunked",
];

/** Places in a text, those where its syntax turns four times as often as any other. */
const place = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 4 })).map(([number, kind]) => (bytes: string): number => {
  if (kind === 0 || bytes === "") return number % (bytes.length + 1);
  const turns = Array.from(bytes.matchAll(/\r|\n|:|;|\d|chunked/g), ({ index }) => index);
  return turns.length === 0 ? number % bytes.length : turns[number % turns.length]! + (kind % 2);
});

function mutation(phrases: readonly string[]): fc.Arbitrary<Mutation> {
  const snippet = fc.oneof(
    { arbitrary: character, weight: 2 },
    { arbitrary: fc.constantFrom(...PHRASES, ...phrases), weight: 1 },
  );
  return fc.oneof(
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
}

function splice(bytes: string, at: number, count: number, what: string): string {
  return bytes.slice(0, at) + what + bytes.slice(at + count);
}

/**
 * Ways to spoil messages of HTTP/1.1: one to three small changes, most of them where the syntax turns. `phrases` are
 * texts, beside those that belong to any message, that are put in.
 */
export function mutations(phrases: readonly string[]): fc.Arbitrary<(text: string) => string> {
  return fc
    .array(mutation(phrases), { minLength: 1, maxLength: 3 })
    .map((all) => (text) => all.reduce((mutated, mutate) => mutate(mutated), text));
}
