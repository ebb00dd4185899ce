import { expect, test } from "vitest";

import { type Algorithm, algorithms as digestFieldAlgorithms, createDigester, isAlgorithm } from "../src/index.ts";
import vectors from "./digest-vectors.json" with { type: "json" };

/** Those that the vectors have: of the xxHash family they have none. */
const algorithms: readonly Algorithm[] = [...digestFieldAlgorithms, "adler"];

type Vector = Readonly<Record<string, string | number>>;

const named: [string, Buffer, Vector][] = [
  ...Object.entries(vectors.bodies).map(([name, row]): [string, Buffer, Vector] => [name, Buffer.from(row.utf8), row]),
  ...Object.entries(vectors.encoded).map(([name, row]): [string, Buffer, Vector] => [
    name,
    Buffer.from(row.hex, "hex"),
    row,
  ]),
];

/** Feeds the pieces to one digester of every algorithm, and reports the results as the vectors have them. */
async function digest(pieces: readonly Uint8Array[], names: readonly Algorithm[] = algorithms): Promise<Vector> {
  const digester = await createDigester(names);
  for (const piece of pieces) digester.update(piece);
  const { size, values } = digester.digest();
  return { size, ...Object.fromEntries([...values].map(([name, value]) => [name, value.toString("base64")])) };
}

function expected(row: Vector): Vector {
  return Object.fromEntries(Object.entries(row).filter(([key]) => key === "size" || isAlgorithm(key)));
}

test("the vectors cover every algorithm that is known here", () => {
  for (const [, , row] of named) expect(Object.keys(row)).toEqual(expect.arrayContaining([...algorithms]));
});

test.each(named)("%s: every algorithm finds the digest that was published, in one piece", async (_name, body, row) => {
  expect(await digest([body])).toEqual(expected(row));
});

test.each(named)("%s: it is the same byte by byte, and with empty pieces in between", async (_name, body, row) => {
  const bytes = Array.from(body, (byte) => [Uint8Array.of(byte), Uint8Array.of()]).flat();
  expect(await digest(bytes)).toEqual(expected(row));
});

test.each(named)("%s: it is the same in two pieces, wherever it is split", async (_name, body, row) => {
  for (let at = 0; at <= body.length; at += 1) {
    // One after the other: a few hundred WebAssembly instances at once would be no better test.
    expect(await digest([body.subarray(0, at), body.subarray(at)]), `split at ${at}`).toEqual(expected(row));
  }
});

test.each(algorithms)("%s alone finds what it finds among the others", async (algorithm) => {
  for (const [name, body, row] of named) {
    expect(await digest([body], [algorithm]), `of ${name}`).toEqual({ size: body.length, [algorithm]: row[algorithm] });
  }
});

test.each(Object.entries(vectors.repeated))("%s: in one piece and in pieces of any size", async (_name, row) => {
  const body = Buffer.alloc(row.size, row.character);
  for (const size of [row.size, 1, 7, 1024, 16_384, 16_385, 65_535, 65_536]) {
    const pieces: Buffer[] = [];
    for (let at = 0; at < body.length; at += size) pieces.push(body.subarray(at, at + size));
    expect(await digest(pieces, ["crc32c"]), `pieces of ${size}`).toEqual({ size: row.size, crc32c: row.crc32c });
  }
});
