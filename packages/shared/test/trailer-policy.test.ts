import { describe, expect, test } from "vitest";

import { createTrailerPolicy, type FieldLine, isTrailerName } from "../src/index.ts";
import { lines } from "./message.ts";

const forbidden = [
  ["Transfer-Encoding", "Content-Length", "Trailer", "TE", "Connection", "Keep-Alive", "Proxy-Connection", "Upgrade"],
  ["HTTP2-Settings", "Host", "Max-Forwards", "Via", "Expect", "Range", "Cache-Control", "Pragma"],
  ["Authorization", "Proxy-Authenticate", "Proxy-Authorization", "WWW-Authenticate", "Realm", "Cookie", "Set-Cookie"],
  ["Content-Encoding", "Content-Range", "Content-Type"],
  ["X-HTTP-Method-Override", "Location", "Origin", "X-Forwarded-Prefix", "True-Client-IP", "Client-Cert"],
  ["X_Forwarded_For", "Content_Length", "Set_Cookie", "If_Match"],
  ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP"],
  ["If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "If-Anything-To-Come"],
].flat();

const noNames = ["", " ", "a b", ":path", "Md5:", "Md5 ", "\r\nMd5", "a\0", "\u00e9", "\u212a"];

describe.each(forbidden)("%s is never a trailer", (name) => {
  test.each([name, name.toLowerCase(), name.toUpperCase(), swapCase(name)])("as %s", (spelling) => {
    expect(isTrailerName(spelling)).toBe(false);
    for (const select of ["all", "declared", [spelling]] as const) {
      const policy = createTrailerPolicy({ select });
      const context = { declared: [spelling] };
      expect(policy.filter(lines([spelling, "x"], ["Md5", "y"]), context).has(spelling)).toBe(false);
      expect(policy.announce(context)).toEqual([]);
    }
  });
});

test.each(noNames)("%j is not a field name, and so never a trailer", (name) => {
  expect(isTrailerName(name)).toBe(false);
  expect(createTrailerPolicy({ select: "all" }).filter(lines([name, "x"]), { declared: [name] })).toHaveLength(0);
});

test.each([
  "Md5",
  "Content-Digest",
  "Repr-Digest",
  "Content-MD5",
  "Signature",
  "grpc-status",
  "If",
  "IfMatch",
  "__proto__",
])("%s may be a trailer", (name) => expect(isTrailerName(name)).toBe(true));

const trailers: FieldLine[] = [
  ["Md5", "a"],
  ["grpc-status", "0"],
  ["md5", ""],
  ["X-Late", "1"],
  ["MD5", "a"],
  ["x-late", "2"],
];

describe("which trailers go on", () => {
  test.each([
    ["those declared, by default, in any case", undefined, ["mD5"], [0, 2, 4]],
    ["those declared, one of which never came", "declared" as const, ["X-LATE", "Size"], [3, 5]],
    ["none where nothing is declared", "declared" as const, [], []],
    ["all, declared or not", "all" as const, [], [0, 1, 2, 3, 4, 5]],
    ["none, even declared", "none" as const, ["md5"], []],
    ["those listed, declared or not", ["GRPC-Status", "x-late"], ["md5"], [1, 3, 5]],
    ["none where the list is empty", [], ["md5"], []],
    ["those called like an option where the list has them", ["all"], ["md5"], []],
  ])("%s; order, duplicates, empty values and case are kept", (_what, select, declared, kept) => {
    const policy = createTrailerPolicy(select === undefined ? {} : { select });
    expect(policy.filter(lines(...trailers), { declared }).raw).toEqual(kept.flatMap((at) => trailers[at]!));
  });

  test("those of the allow-list, declared or not, and gRPC's own where the message is gRPC", () => {
    const policy = createTrailerPolicy({ select: "integrity" });
    const names = [
      "Md5",
      "x-late",
      "SIGNATURE",
      "X-Amz-Checksum-CRC32",
      "grpc-status",
      "Content_Digest",
      "Content-Digest",
    ];
    const sent = lines(...names.map((name): FieldLine => [name, "x"]));
    const passed = (grpc: boolean): string[] =>
      Array.from(policy.filter(sent, { declared: ["x-late"], grpc }), ([name]) => name);
    expect(passed(false)).toEqual(["Md5", "SIGNATURE", "X-Amz-Checksum-CRC32", "Content-Digest"]);
    expect(passed(true)).toEqual(["Md5", "SIGNATURE", "X-Amz-Checksum-CRC32", "grpc-status", "Content-Digest"]);
    expect(policy.announce({ declared: names })).toEqual(passed(false));
  });

  test.each(["all", "declared", ["md5", "x-late"]] as const)(
    "none that Connection named: those were for one hop (%j)",
    (select) => {
      const context = { declared: ["Md5", "X-Late"], hopByHop: ["close", "MD5"] };
      const policy = createTrailerPolicy({ select });
      expect(policy.filter(lines(...trailers), context).has("Md5")).toBe(false);
      expect(policy.filter(lines(...trailers), context).getAll("X-Late")).toEqual(["1", "2"]);
      expect(policy.announce(context)).toEqual(["X-Late"]);
    },
  );
});

test.each(["x-late", "Declared", "", null])("%j selects nothing: it is a usage error", (select) => {
  expect(() => createTrailerPolicy({ select: select as never })).toThrow(expect.objectContaining({ code: "USAGE" }));
});

describe("what is announced to the next hop", () => {
  test.each([
    ["what was declared and may be sent, once, in order", "declared" as const, ["Size", "Md5", "Host", "size", "MD5"]],
    ["the same where all goes on", "all" as const, ["Size", "If-Match", "Md5", "", "a b", "Size"]],
    ["only what is listed", ["md5", "size", "other"], ["Size", "X-Late", "Md5", "Content-Length"]],
  ])("%s", (_what, select, declared) => {
    expect(createTrailerPolicy({ select }).announce({ declared })).toEqual(["Size", "Md5"]);
  });

  test("nothing, where nothing goes on", () => {
    expect(createTrailerPolicy({ select: "none" }).announce({ declared: ["Md5"] })).toEqual([]);
    expect(createTrailerPolicy({ select: "all" }).announce({ declared: [] })).toEqual([]);
  });
});

function swapCase(text: string): string {
  return Array.from(text, (letter) =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
  ).join("");
}
