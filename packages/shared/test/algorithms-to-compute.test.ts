import { describe, expect, test } from "vitest";

import { type Algorithm, algorithms, algorithmsToCompute, type FieldLine } from "../src/index.ts";
import { lines } from "./message.ts";

const sha256: FieldLine = ["Content-Digest", "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"];
const supported: readonly Algorithm[] = ["md5", "sha", "sha-256", "sha-512"];

describe("what is computed over content whose digest may come behind it", () => {
  test.each<[string, FieldLine[], Algorithm[]]>([
    ["all that is supported, where nothing is said and trailers may come", [], ["md5", "sha", "sha-256", "sha-512"]],
    ["the same where only a size is announced", [["Trailer", "Size"]], ["md5", "sha", "sha-256", "sha-512"]],
    ["md5, where that is announced", [["Trailer", "md5, Size"]], ["md5"]],
    ["md5, where Content-MD5 is announced", [["Trailer", "Content-MD5"]], ["md5"]],
    ["what the header names, and md5", [sha256], ["md5", "sha-256"]],
    [
      "what the header names where a digest is announced as well",
      [sha256, ["Trailer", "Repr-Digest"]],
      ["md5", "sha-256"],
    ],
    [
      "all, where a digest is announced that may be any",
      [["Trailer", "Content-Digest"]],
      ["md5", "sha", "sha-256", "sha-512"],
    ],
    ["all, beside an announced Md5", [["Trailer", "Md5, Repr-Digest"]], ["md5", "sha", "sha-256", "sha-512"]],
  ])("is %s", (_what, header, compute) => {
    expect(algorithmsToCompute({ header: lines(...header), trailersPossible: true }, supported)).toEqual(compute);
  });

  test("is what the sender is likely to use, where something hints at it and a digest is announced", () => {
    const compute = (...header: FieldLine[]): Algorithm[] =>
      algorithmsToCompute({ header: lines(...header), trailersPossible: true, hints: ["sha-512"] }, supported);
    expect(compute(["Trailer", "Content-Digest"])).toEqual(["md5", "sha-512"]);
    expect(compute(["Trailer", "Content-Digest"], sha256)).toEqual(["md5", "sha-256", "sha-512"]);
    expect(compute()).toEqual(["md5", "sha", "sha-256", "sha-512"]);
  });
});

describe("what is computed where no trailers can come", () => {
  test.each<[string, FieldLine[], Algorithm[]]>([
    ["md5 alone, where nothing is said", [], ["md5"]],
    ["md5 alone, whatever is announced in vain", [["Trailer", "Content-Digest, Md5"]], ["md5"]],
    ["what the header names, and md5", [sha256], ["md5", "sha-256"]],
  ])("is %s", (_what, header, compute) => {
    expect(algorithmsToCompute({ header: lines(...header), trailersPossible: false }, supported)).toEqual(compute);
  });
});

test("nothing is computed that is not supported, and each once, in the order in which it is supported", () => {
  const header = lines(sha256, ["Repr-Digest", "crc32=:5zHk2Q==:"], ["Md5", "x"]);
  expect(algorithmsToCompute({ header, trailersPossible: true }, ["sha-256", "md5"])).toEqual(["sha-256", "md5"]);
  expect(algorithmsToCompute({ header, trailersPossible: true }, ["sha-512"])).toEqual([]);
  expect(algorithmsToCompute({ header, trailersPossible: true }, [])).toEqual([]);
  expect(algorithmsToCompute({ header: lines(), trailersPossible: true }, algorithms)).toEqual([...algorithms]);
});
