import { encodeFields, encodeIndex, encodeLiteral, encodeTableSize } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { ErrorCode } from "../../../src/http2/error-code.ts";
import { ConnectionFault } from "../../../src/http2/fault.ts";
import { HpackDecoder } from "../../../src/http2/hpack/decoder.ts";
import type { HpackField } from "../../../src/http2/hpack/field.ts";
import { writeHuffman } from "../../../src/http2/hpack/huffman.ts";
import { writeInteger } from "../../../src/http2/hpack/integer.ts";
import { decodeBlock, roomyDecoder } from "./blocks.ts";

const octets = (...values: readonly number[]): Buffer => Buffer.from(values);

describe("a block is a decoding error", () => {
  test.each<[what: string, section: string, block: Buffer]>([
    ["with index 0", "6.1", octets(0x80)],
    ["with an index in neither table", "2.3.3", encodeIndex(62)],
    ["with a name index in neither table", "2.3.3", octets(0x40 | 0x3f, 0x01, 0x01, 0x61)],
    ["with an integer of too many octets", "5.1", octets(0xff, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00)],
    ["with an integer that is too large", "5.1", octets(0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)],
    ["that ends within an integer", "5.1", octets(0xff)],
    ["that ends before a name", "6.2", octets(0x00)],
    ["that ends before a value", "6.2", octets(0x00, 0x01, 0x61)],
    ["that ends within a string", "5.2", octets(0x00, 0x01, 0x61, 0x05, 0x61)],
    ["with a string longer than the limit", "7.4", encodeLiteral("x", "y".repeat(65_537))],
    ["with EOS in a string", "5.2", octets(0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x00)],
    ["with eight bits of padding", "5.2", octets(0x00, 0x82, 0x1f, 0xff, 0x00)],
    ["with padding that is not the start of EOS", "5.2", octets(0x00, 0x81, 0x18, 0x00)],
    ["with a table larger than the limit", "6.3", encodeTableSize(4097)],
    ["with a table size after a field line", "4.2", Buffer.concat([encodeIndex(2), encodeTableSize(100)])],
  ])("%s (RFC 7541 section %s)", (_what, _section, block) => {
    expect(codeOf(() => decodeBlock(roomyDecoder(), block))).toBe(ErrorCode.COMPRESSION_ERROR);
  });

  test("without a table size after the limit was reduced (RFC 7541 section 4.2)", () => {
    const decoder = roomyDecoder();
    decoder.setTableLimit(100);
    expect(codeOf(() => decodeBlock(decoder, encodeIndex(2)))).toBe(ErrorCode.COMPRESSION_ERROR);
  });
});

describe("a string in Huffman code", () => {
  /** A literal whose value is so many times "0", which takes five bits. */
  const literal = (count: number): Buffer => {
    const value = Buffer.alloc(count);
    const end = writeHuffman("0".repeat(count), value, 0);
    const start = Buffer.alloc(8);
    const from = writeInteger(end, 7, 0x80, start, 3);
    start.set([0x00, 0x01, 0x78]);
    return Buffer.concat([start.subarray(0, from), value.subarray(0, end)]);
  };

  test.each([100, 5120, 20_000, 65_536])("may have %i octets", (count) => {
    expect(decodeBlock(roomyDecoder(), literal(count))).toEqual([["x", "0".repeat(count)]]);
  });

  test("may not decode to more octets than a string may have", () => {
    expect(codeOf(() => decodeBlock(roomyDecoder(), literal(65_537)))).toBe(ErrorCode.COMPRESSION_ERROR);
  });
});

test("a smaller table evicts its oldest entries", () => {
  const decoder = roomyDecoder();
  const [first, second] = [encodeLiteral("a", "1", { indexed: true }), encodeLiteral("b", "2", { indexed: true })];
  decodeBlock(decoder, Buffer.concat([first, second]));
  decoder.setTableLimit(40);
  const block = Buffer.concat([encodeTableSize(0), encodeTableSize(40), second, encodeIndex(62)]);
  expect(decodeBlock(decoder, block)).toEqual([
    ["b", "2"],
    ["b", "2"],
  ]);
  expect(codeOf(() => decodeBlock(decoder, encodeIndex(63)))).toBe(ErrorCode.COMPRESSION_ERROR);
});

test("an entry larger than the table empties it", () => {
  const decoder = roomyDecoder();
  decodeBlock(decoder, encodeLiteral("a", "1", { indexed: true }));
  decodeBlock(decoder, encodeLiteral("b", "2".repeat(5000), { indexed: true }));
  expect(codeOf(() => decodeBlock(decoder, encodeIndex(62)))).toBe(ErrorCode.COMPRESSION_ERROR);
});

describe("a list that exceeds the limit", () => {
  test("is not kept, however small its block", () => {
    const decoder = new HpackDecoder({ maxListSize: 10_000 });
    const fields: HpackField[] = [];
    const line = encodeLiteral("x", "y".repeat(4000), { indexed: true });
    const bomb = Buffer.concat([line, ...Array.from({ length: 15_000 }, () => encodeIndex(62))]);
    expect(decoder.decode(bomb, fields)).toBe(false);
    expect(fields).toHaveLength(2);
  });

  test("still changes the table, so that later blocks are understood", () => {
    const decoder = new HpackDecoder({ maxListSize: 100 });
    const long = Buffer.concat([encodeFields([["x", "y".repeat(100)]]), octets(0x04, 0x01, 0x2f)]);
    const named = encodeLiteral("a", "1", { indexed: true });
    expect(decoder.decode(Buffer.concat([long, long, named]), [])).toBe(false);
    expect(decodeBlock(decoder, encodeIndex(62))).toEqual([["a", "1"]]);
  });

  test("counts 32 octets for each line", () => {
    const fields: HpackField[] = [];
    expect(
      new HpackDecoder({ maxListSize: 68 }).decode(
        encodeFields([
          ["a", "1"],
          ["b", "2"],
        ]),
        fields,
      ),
    ).toBe(true);
    expect(
      new HpackDecoder({ maxListSize: 67 }).decode(
        encodeFields([
          ["a", "1"],
          ["b", "2"],
        ]),
        fields,
      ),
    ).toBe(false);
  });
});

function codeOf(run: () => unknown): number {
  try {
    run();
  } catch (error) {
    if (error instanceof ConnectionFault) return error.code;
    throw error;
  }
  throw new Error("it was accepted");
}
