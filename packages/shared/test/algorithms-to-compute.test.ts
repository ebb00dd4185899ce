import { describe, expect, test } from "vitest";

import { type Algorithm, algorithmsToCompute, type FieldLine } from "../src/index.ts";
import { lines } from "./message.ts";

const sha256: FieldLine = ["Content-Digest", "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"];
const supported: readonly Algorithm[] = ["md5", "sha", "sha-256", "sha-512"];

describe("what is computed over content whose digest may come after it", () => {
  test.each<[string, FieldLine[], Algorithm[]]>([
    ["the usual three, where nothing is said and trailers may come", [], ["md5", "sha-256", "sha-512"]],
    ["the same where only a size is announced", [["Trailer", "Size"]], ["md5", "sha-256", "sha-512"]],
    ["md5 alone, where that is announced", [["Trailer", "md5, Size"]], ["md5"]],
    ["md5 alone, where Content-MD5 is announced", [["Trailer", "Content-MD5"]], ["md5"]],
    ["sha alone, where x-amz-checksum-sha1 is announced", [["Trailer", "X-Amz-Checksum-Sha1"]], ["sha"]],
    ["what the header names, and nothing else", [sha256], ["sha-256"]],
    [
      "what the header names where a digest is announced as well",
      [sha256, ["Trailer", "Size, Repr-Digest"]],
      ["sha-256"],
    ],
    [
      "what the header names, and the md5 that is announced",
      [sha256, ["Trailer", "Md5, Content-Digest"]],
      ["md5", "sha-256"],
    ],
    ["all, where a digest is announced that may be any", [["Trailer", "Content-Digest"]], [...supported]],
    [
      "all, where a digest is announced that may be any, beside an md5 in the header",
      [
        ["Trailer", "Content-Digest"],
        ["Md5", "50521abab7a013be83ee00ded3f9f424"],
      ],
      [...supported],
    ],
    ["all, beside an announced Md5", [["Trailer", "Md5, Repr-Digest"]], [...supported]],
    ["what a field may be of", [["Trailer", "x-goog-hash"]], ["md5"]],
    [
      "nothing for Unencoded-Digest of coded content",
      [
        ["Trailer", "Unencoded-Digest"],
        ["Content-Encoding", "gzip"],
      ],
      [],
    ],
  ])("is %s", (_what, header, compute) => {
    expect(algorithmsToCompute({ header: lines(...header), trailersPossible: true }, supported)).toEqual(compute);
  });

  test("is what the sender is likely to use, where something hints at it", () => {
    const compute = (...header: FieldLine[]): Algorithm[] =>
      algorithmsToCompute({ header: lines(...header), trailersPossible: true, hints: ["sha-512"] }, supported);
    expect(compute(["Trailer", "Content-Digest"])).toEqual(["sha-512"]);
    expect(compute(["Trailer", "Md5, Content-Digest"])).toEqual(["md5", "sha-512"]);
    expect(compute(["Trailer", "Content-Digest"], sha256)).toEqual(["sha-256", "sha-512"]);
    expect(compute()).toEqual(["sha-512"]);
  });

  test("is nothing for what is about the whole, where the content is a part", () => {
    const header = lines(["Repr-Digest", sha256[1]], ["Trailer", "Content-MD5"]);
    expect(algorithmsToCompute({ header, trailersPossible: true, content: "part" }, supported)).toEqual([]);
  });
});

describe("what is computed where no trailers can come", () => {
  test.each<[string, FieldLine[], Algorithm[]]>([
    ["nothing, where nothing is said", [], []],
    ["nothing, whatever is announced in vain", [["Trailer", "Content-Digest, Md5"]], []],
    ["what the header names, and nothing else", [sha256], ["sha-256"]],
  ])("is %s", (_what, header, compute) => {
    expect(algorithmsToCompute({ header: lines(...header), trailersPossible: false }, supported)).toEqual(compute);
  });
});

test("nothing is computed that is not supported, and each once, in the order in which it is supported", () => {
  const header = lines(sha256, ["Repr-Digest", "crc32=:5zHk2Q==:"], ["Md5", "50521abab7a013be83ee00ded3f9f424"]);
  expect(algorithmsToCompute({ header, trailersPossible: true }, ["sha-256", "md5"])).toEqual(["sha-256", "md5"]);
  expect(algorithmsToCompute({ header, trailersPossible: true }, ["sha-512"])).toEqual([]);
  expect(algorithmsToCompute({ header, trailersPossible: true }, [])).toEqual([]);
  expect(algorithmsToCompute({ header: lines(), trailersPossible: true }, ["crc32c"])).toEqual(["crc32c"]);
});
