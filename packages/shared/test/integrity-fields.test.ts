import { describe, expect, test } from "vitest";

import {
  algorithmsInHeader,
  announcedIntegrityFields,
  digestTrailerNames,
  digestTrailers,
  FieldLines,
  integrityFieldName,
} from "../src/index.ts";
import { computed, content, digestsOf, lines, member, values } from "./message.ts";

describe("the names of integrity fields", () => {
  test("are understood in any case", () => {
    expect(["md5", "SIZE", "content-Digest", "repr-digest", "content-md5"].map(integrityFieldName)).toEqual([
      "Md5",
      "Size",
      "Content-Digest",
      "Repr-Digest",
      "Content-MD5",
    ]);
    expect(["", "md", "Digests", "constructor", "__proto__", " Md5"].map(integrityFieldName)).not.toContain("Md5");
  });

  test("are found among what is announced, each once and in order", () => {
    const header = lines(["trailer", "Size, X-Other"], ["Trailer", "MD5,, size"], ["Md5", "x"]);
    expect(announcedIntegrityFields(header)).toEqual(["Size", "Md5"]);
    expect(announcedIntegrityFields(FieldLines.empty)).toEqual([]);
  });
});

describe("the algorithms that a header makes a receiver compute", () => {
  test.each([
    ["none", lines(["Size", "1"], ["Trailer", "Md5"]), []],
    ["none for a field that cannot be understood", lines(["Md5", "x"]), []],
    ["md5 for Md5", lines(["md5", values.Md5.wrong]), ["md5"]],
    ["md5 for Content-MD5", lines(["content-md5", values["Content-MD5"].wrong]), ["md5"]],
    [
      "each once for digest fields",
      lines(
        ["Content-Digest", member(computed, "sha-256")],
        ["Repr-Digest", `${member(computed, "sha")}, ${member(computed, "sha-256")}`],
        ["content-digest", "unixsum=:GQU=:"],
      ),
      ["sha-256", "sha"],
    ],
  ])("are %s", (_which, header, algorithms) => expect(algorithmsInHeader(header)).toEqual(algorithms));
});

describe("the trailers that say what was sent", () => {
  test("are Md5, Size and Content-Digest", async () => {
    expect([...digestTrailers(await digestsOf(content, ["md5"]))]).toEqual([
      ["Md5", "50521abab7a013be83ee00ded3f9f424"],
      ["Size", "19"],
      ["Content-Digest", "md5=:UFIauregE76D7gDe0/n0JA==:"],
    ]);
  });

  test("have no Md5 without md5, and no digest at all where none was computed", async () => {
    const sha = await digestsOf(content, ["sha-256", "crc32"]);
    expect([...digestTrailers(sha)]).toEqual([
      ["Size", "19"],
      ["Content-Digest", `${member(computed, "sha-256")}, ${member(computed, "crc32")}`],
    ]);
    expect([...digestTrailers(await digestsOf(content, []))]).toEqual([["Size", "19"]]);
  });

  test.each([[[]], [["md5"]], [["sha-256"]], [["sha-256", "md5", "crc32c"]]] as const)(
    "are those that are announced for %j, in the same order",
    async (algorithms) => {
      const trailers = digestTrailers(await digestsOf(content, algorithms));
      expect([...trailers].map(([name]) => name)).toEqual(digestTrailerNames(algorithms));
    },
  );
});
