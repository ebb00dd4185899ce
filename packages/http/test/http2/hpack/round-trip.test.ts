import { FieldDecoder } from "@trailsum/testkit/http2-hpack";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { ConnectionFault } from "../../../src/http2/fault.ts";
import { HpackEncoder } from "../../../src/http2/hpack/encoder.ts";
import { huffmanLength, readHuffman, writeHuffman } from "../../../src/http2/hpack/huffman.ts";
import type { Indexing } from "../../../src/http2/hpack/indexing.ts";
import { decodeBlock, encodeBlock, type Lines, roomyDecoder } from "./blocks.ts";

const octetText = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
const name = fc.oneof(
  fc.constantFrom(":path", ":status", "content-type", "cookie", "authorization", "x-a", "x-b", "x-c"),
  octetText.filter((text) => text !== ""),
);
const value = fc.oneof(fc.constantFrom("200", "GET", "/", "a", "b", "", "x".repeat(900)), octetText);
const sections = fc.array(fc.array(fc.tuple(name, value), { maxLength: 12 }), { maxLength: 12 });
const tableSizes = fc.array(fc.constantFrom(0, 40, 100, 1000, 4096, 65_536), { maxLength: 12 });

describe("what the encoder writes is read again", () => {
  test("by the decoder, whatever the lines, the indexing and the sizes of the table", () => {
    fc.assert(
      fc.property(sections, tableSizes, fc.infiniteStream(indexings()), (lists, sizes, choices) => {
        const encoder = new HpackEncoder(() => choices.next().value);
        const decoder = roomyDecoder();
        for (const [index, lines] of lists.entries()) {
          const size = sizes[index];
          if (size !== undefined) {
            encoder.setTableLimit(size);
            decoder.setTableLimit(size);
          }
          expect(decodeBlock(decoder, encodeBlock(encoder, lines))).toEqual(lines);
        }
      }),
      { numRuns: 400 },
    );
  });

  test("by the testkit's decoder, with the policy of a connection", () => {
    fc.assert(
      fc.property(sections, (lists) => {
        const encoder = new HpackEncoder();
        const decoder = new FieldDecoder();
        for (const lines of lists) expect(decoder.decode(encodeBlock(encoder, lines))).toEqual(lines);
      }),
      { numRuns: 300 },
    );
  });

  test("after more entries than the table holds", () => {
    const encoder = new HpackEncoder(() => "incremental");
    const decoder = roomyDecoder();
    for (let turn = 0; turn < 1000; turn += 1) {
      const lines: Lines = [
        ["x-same", "same"],
        [`x-${turn % 150}`, "a"],
        ["x-counter", String(turn)],
      ];
      expect(decodeBlock(decoder, encodeBlock(encoder, lines))).toEqual(lines);
    }
  });
});

test("Huffman code is read again, and is as long as it was said to be", () => {
  fc.assert(
    fc.property(octetText, (text) => {
      const bytes = Buffer.alloc(400);
      const end = writeHuffman(text, bytes, 3);
      expect(end - 3).toBe(huffmanLength(text));
      const target = Buffer.alloc(700);
      expect(target.toString("latin1", 0, readHuffman(bytes, 3, end, target))).toBe(text);
    }),
  );
});

describe("arbitrary octets", () => {
  const blocks = fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 6 });

  test("are decoded as the testkit decodes them, or are a decoding error", () => {
    fc.assert(
      fc.property(blocks, (all) => {
        const decoder = roomyDecoder();
        const other = new FieldDecoder();
        for (const block of all) {
          const lines = orFault(() => decodeBlock(decoder, Buffer.from(block)));
          if (lines === undefined) break;
          expect(other.decode(Buffer.from(block))).toEqual(lines);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe("a line in neither table", () => {
  const encoded = (...lists: readonly Lines[]): readonly number[] => {
    const encoder = new HpackEncoder();
    return lists.map((lines) => encodeBlock(encoder, lines)[0]! & 0xf0);
  };

  test("is indexed when it comes again", () =>
    expect(encoded([["x-a", "1"]], [["x-a", "1"]], [["x-a", "1"]])).toEqual([0x00, 0x40, 0xb0]));

  test.each(["authorization", "proxy-authorization", "cookie", "set-cookie"])("is never indexed as short %s", (field) =>
    expect(encoded([[field, "secret"]], [[field, "secret"]]).map((octet) => octet & 0x10)).toEqual([0x10, 0x10]),
  );

  test("is never indexed by order of the sender, even where the table has it", () => {
    const encoder = new HpackEncoder(() => "incremental");
    encodeBlock(encoder, [["x-a", "1"]]);
    expect(encodeBlock(encoder, [["x-a", "1"]], new Set(["x-a"]))[0]! & 0xf0).toBe(0x10);
  });
});

function indexings(): fc.Arbitrary<Indexing> {
  return fc.constantFrom<Indexing>("incremental", "none", "never");
}

function orFault<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof ConnectionFault) return undefined;
    throw error;
  }
}
