import { describe, expect, test } from "vitest";
import { encodeFields, encodeIndex, encodeLiteral, encodeTableSize, FieldDecoder } from "../src/http2-hpack.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

const date = "Mon, 21 Oct 2013 20:13:21 GMT";
const laterDate = "Mon, 21 Oct 2013 20:13:22 GMT";
const location = ["location", "https://www.example.com"] as const;
const cookie = ["set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"] as const;
const request = [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/"],
  [":authority", "www.example.com"],
] as const;

const requests = [
  request,
  [...request, ["cache-control", "no-cache"]],
  [
    [":method", "GET"],
    [":scheme", "https"],
    [":path", "/index.html"],
    [":authority", "www.example.com"],
    ["custom-key", "custom-value"],
  ],
];

const responses = [
  [[":status", "302"], ["cache-control", "private"], ["date", date], location],
  [[":status", "307"], ["cache-control", "private"], ["date", date], location],
  [
    [":status", "200"],
    ["cache-control", "private"],
    ["date", laterDate],
    location,
    ["content-encoding", "gzip"],
    cookie,
  ],
];

describe("the examples of RFC 7541, Appendix C", () => {
  test.each([
    ["C.2.1", "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", ["custom-key", "custom-header"]],
    ["C.2.2", "040c 2f73 616d 706c 652f 7061 7468", [":path", "/sample/path"]],
    ["C.2.3", "1008 7061 7373 776f 7264 0673 6563 7265 74", ["password", "secret"]],
    ["C.2.4", "82", [":method", "GET"]],
  ])("%s, one line", (_, block, field) => {
    expect(new FieldDecoder().decode(hex(block))).toEqual([field]);
  });

  test.each([
    [
      "C.3, requests without Huffman code",
      4096,
      [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
      ],
      requests,
    ],
    [
      "C.4, requests with Huffman code",
      4096,
      [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
      ],
      requests,
    ],
    [
      "C.5, responses without Huffman code and with evictions",
      256,
      [
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
      ],
      responses,
    ],
    [
      "C.6, responses with Huffman code and with evictions",
      256,
      [
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
      ],
      responses,
    ],
  ])("%s", (_, tableSize, blocks, sections) => {
    const decoder = new FieldDecoder(tableSize);
    expect(blocks.map((block) => decoder.decode(hex(block)))).toEqual(sections);
  });
});

test("what is encoded comes out as it went in, whatever it says", () => {
  const fields = [
    ["", ""],
    ["UPPER", "a\r\nb\0c"],
    ["long", "x".repeat(100_000)],
    [":late", "\xff"],
  ] as const;
  expect(new FieldDecoder().decode(encodeFields(fields))).toEqual(fields);
});

test("an indexed literal can be repeated in one byte, until the table is emptied", () => {
  const decoder = new FieldDecoder();
  const [literal, repeat] = [encodeLiteral("a", "b", { indexed: true }), encodeIndex(62)];
  expect(decoder.decode(Buffer.concat([literal, repeat, repeat]))).toEqual([
    ["a", "b"],
    ["a", "b"],
    ["a", "b"],
  ]);
  expect(() => decoder.decode(Buffer.concat([encodeTableSize(0), repeat]))).toThrow("index 62 is in neither table");
});

test.each([
  ["an index of 0", "80"],
  ["an index beyond both tables", "ff00"],
  ["a string that the block cuts short", "00 0461 62"],
  ["an integer that the block cuts short", "ff80"],
  ["an integer beyond 32 bits", "ffffffffffffff7f"],
  ["a table larger than allowed", "3fe2 1f"],
  ["a change of the table after a field line", "8220"],
  ["a Huffman string with EOS in it", "0084ffffffff00"],
  ["a Huffman string with zeros for padding", "00811800"],
  ["a Huffman string with eight bits of padding", "00821fff00"],
])("%s is an error", (_, block) => {
  expect(() => new FieldDecoder().decode(hex(block))).toThrow(Error);
});
