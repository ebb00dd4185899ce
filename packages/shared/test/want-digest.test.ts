import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { algorithms, FieldLines, formatWantDigest, mostWanted, parseWantDigest } from "../src/index.ts";

describe("what is wanted is read as a list of algorithms, the most preferred first", () => {
  test.each([
    ["one", ["md5=1"], ["md5"]],
    ["as RFC 9530 shows it", ["sha-512=3, sha-256=10, unixsum=0"], ["sha-256", "sha-512"]],
    ["of equal weight, in the sender's order", ["sha-256=5, md5=5, sha-512=5"], ["sha-256", "md5", "sha-512"]],
    ["on several lines", ["md5=1", "sha-256=2"], ["sha-256", "md5"]],
    ["on several lines of which some are empty", ["", "md5=1", " ", "sha-256=2"], ["sha-256", "md5"]],
    ["with parameters", ['md5=1;note="a, b", sha-256=2'], ["sha-256", "md5"]],
    ["twice: the last weight counts, as in every dictionary", ["md5=9, sha-256=5", "md5=1"], ["sha-256", "md5"]],
    ["from 1 to 10", ["md5=10, sha=1"], ["md5", "sha"]],
  ])("%s", (_what, lines, wanted) => expect(parseWantDigest(lines)).toEqual(wanted));
});

describe("left out is what", () => {
  test.each([
    ["is not acceptable", "md5=0, sha=1"],
    ["is weighted more than 10", "md5=11, sha=1"],
    ["is weighted less than 0", "md5=-1, sha=1"],
    ["is weighted by a fraction", "md5=1.5, sha=1"],
    ["has no weight", "md5, sha=1"],
    ["has a weight that is not a number", 'md5="5", sha=1'],
    ["has a list of weights", "md5=(1 2), sha=1"],
    ["is not known here", "unixsum=10, constructor=10, sha=1"],
  ])("%s", (_what, line) => expect(parseWantDigest([line])).toEqual(["sha"]));
});

describe("a field that cannot be understood wants nothing", () => {
  test.each(["", "MD5=1", "md5=1,", "md5=", "md5=1 sha=2", "__proto__=1", "md5=1;q=0.3, =", "md5;q=0.3,,"])(
    "%j",
    (line) => expect(parseWantDigest([line])).toEqual([]),
  );

  test("and nothing that anyone sends makes the parser throw", () => {
    const piece = fc.oneof(fc.constantFrom("md5", "sha-256", "=", "1", "10", ",", ";", '"', "("), fc.string());
    fc.assert(
      fc.property(fc.array(fc.array(piece).map((pieces) => pieces.join(""))), (lines) => {
        const wanted = parseWantDigest(lines);
        expect(new Set(wanted).size).toBe(wanted.length);
      }),
    );
  });
});

describe("what is formatted", () => {
  test("has fixed preferences, whatever the order: sha-256, sha-512, the CRCs, md5", () => {
    expect(formatWantDigest(["md5", "sha-256"])).toBe("sha-256=10, md5=1");
    expect(formatWantDigest()).toBe("sha-256=10, sha-512=9, crc64nvme=4, crc32c=3, crc32=2, md5=1, sha=1");
  });

  test("prefers those that are wanted before all others", () => {
    expect(formatWantDigest(["sha-256", "md5"], ["sha-512", "md5"])).toBe("sha-512=10, md5=10, sha-256=9");
  });

  test("names no algorithm that digest fields do not have", () => {
    expect(formatWantDigest(["adler", "sha-256", "xxhash3"])).toBe("sha-256=10");
  });

  test("is nothing where nothing is wanted", () => expect(formatWantDigest([])).toBe(""));

  test("is parsed back, for any algorithms", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...algorithms]), (wanted) => {
        expect(new Set(parseWantDigest([formatWantDigest(wanted)]))).toEqual(new Set(wanted));
      }),
    );
  });
});

describe("what is wanted most", () => {
  const header = FieldLines.from([
    ["Want-Repr-Digest", "sha-256=10, sha-512=9, md5=1"],
    ["Want-Content-Digest", "crc32c=10, sha-512=9"],
  ]);

  test("are all of the highest weight, in either field", () => {
    expect(mostWanted(header, algorithms)).toEqual(["sha-256", "crc32c"]);
  });

  test("is looked for among what is available only", () => {
    expect(mostWanted(header, ["md5", "sha-512"])).toEqual(["sha-512"]);
    expect(mostWanted(header, ["sha"])).toEqual([]);
    expect(mostWanted(FieldLines.empty, algorithms)).toEqual([]);
  });
});
