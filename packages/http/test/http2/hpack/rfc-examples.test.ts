import { describe, expect, test } from "vitest";

import { readInteger, writeInteger } from "../../../src/http2/hpack/integer.ts";
import { HpackEncoder } from "../../../src/http2/hpack/encoder.ts";
import { decodeBlock, encodeBlock, type Lines, roomyDecoder } from "./blocks.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

// RFC 7541 appendix C.1.
test.each([
  ["C.1.1", 10, 5, 0, "0a"],
  ["C.1.2", 1337, 5, 0, "1f9a0a"],
  ["C.1.3", 42, 8, 0, "2a"],
])("integers are those of RFC 7541 %s", (_section, value, prefix, pattern, octets) => {
  const bytes = Buffer.alloc(8);
  const end = writeInteger(value, prefix, pattern, bytes, 0);
  expect(bytes.subarray(0, end).toString("hex")).toBe(octets);
  expect(readInteger({ bytes, at: 0, end }, prefix)).toBe(value);
});

// RFC 7541 appendix C.2.
test.each<[section: string, block: string, line: Lines[number]]>([
  ["C.2.1", "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", ["custom-key", "custom-header"]],
  ["C.2.2", "040c 2f73 616d 706c 652f 7061 7468", [":path", "/sample/path"]],
  ["C.2.3", "1008 7061 7373 776f 7264 0673 6563 7265 74", ["password", "secret"]],
  ["C.2.4", "82", [":method", "GET"]],
])("a field line is decoded as in RFC 7541 %s", (_section, block, line) =>
  expect(decodeBlock(roomyDecoder(), hex(block))).toEqual([line]),
);

const request = (...more: Lines): Lines => [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/"],
  [":authority", "www.example.com"],
  ...more,
];

const requests: readonly Lines[] = [
  request(),
  request(["cache-control", "no-cache"]),
  [
    [":method", "GET"],
    [":scheme", "https"],
    [":path", "/index.html"],
    [":authority", "www.example.com"],
    ["custom-key", "custom-value"],
  ],
];

const response = (status: string, date: string, ...more: Lines): Lines => [
  [":status", status],
  ["cache-control", "private"],
  ["date", date],
  ["location", "https://www.example.com"],
  ...more,
];

const cookie = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
const responses: readonly Lines[] = [
  response("302", "Mon, 21 Oct 2013 20:13:21 GMT"),
  response("307", "Mon, 21 Oct 2013 20:13:21 GMT"),
  response("200", "Mon, 21 Oct 2013 20:13:22 GMT", ["content-encoding", "gzip"], ["set-cookie", cookie]),
];

const requestsWithoutHuffman = [
  "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
  "8286 84be 5808 6e6f 2d63 6163 6865",
  "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
];

const requestsWithHuffman = [
  "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
  "8286 84be 5886 a8eb 1064 9cbf",
  "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
];

const responsesWithoutHuffman = [
  `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e
   1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
  "4803 3330 37c1 c0bf",
  `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d
   4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572
   7369 6f6e 3d31`,
];

const responsesWithHuffman = [
  `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b
   97c8 e9ae 82ae 43d3`,
  "4883 640e ffc1 c0bf",
  `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf
   cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
];

describe("a connection is decoded as in RFC 7541", () => {
  test.each([
    ["C.3", requestsWithoutHuffman, requests, 4096],
    ["C.4", requestsWithHuffman, requests, 4096],
    ["C.5", responsesWithoutHuffman, responses, 256],
    ["C.6", responsesWithHuffman, responses, 256],
  ])("%s", (_section, blocks, lists, tableSize) => {
    const decoder = roomyDecoder();
    // The examples of responses use a table of 256 octets: its encoder says so first.
    const update = Buffer.from([0x3f, 0xe1, 0x01]);
    if (tableSize === 256) decodeBlock(decoder, update);
    expect(blocks.map((block) => decodeBlock(decoder, hex(block.replaceAll(/\s/g, ""))))).toEqual(lists);
  });
});

describe("a connection is encoded as in RFC 7541", () => {
  test("C.4", () => {
    const encoder = new HpackEncoder(() => "incremental");
    expect(requests.map((lines) => encodeBlock(encoder, lines))).toEqual(requestsWithHuffman.map(hex));
  });

  // "307" is as long in Huffman code as without it, and then this encoder leaves it as it is.
  test("C.6", () => {
    const encoder = new HpackEncoder(() => "incremental");
    encoder.setTableLimit(256);
    const blocks = responses.map((lines) => encodeBlock(encoder, lines));
    const expected = responsesWithHuffman.map((block) => hex(block.replaceAll(/\s/g, "")));
    expected[0] = Buffer.concat([Buffer.from([0x3f, 0xe1, 0x01]), expected[0]!]);
    expected[1] = hex("4803 3330 37 c1 c0 bf");
    expect(blocks).toEqual(expected);
  });
});
