import { describe, expect, test } from "vitest";

import {
  type Algorithm,
  algorithms,
  decideVerdict,
  FieldLines,
  parseRequirements,
  verdictError,
} from "../src/index.ts";
import { computed, lines, member, tampered } from "./message.ts";

describe("requirements", () => {
  test("are fields and algorithms, in any case", () => {
    expect(parseRequirements([" md5 ", "size", "SHA-256"])).toEqual(["Md5", "Size", "sha-256"]);
  });

  test.each(["md6", "", "constructor", "__proto__"])('are refused when they are neither, such as "%s"', (name) => {
    expect(() => parseRequirements(["md5", name])).toThrow(
      expect.objectContaining({
        code: "USAGE",
        message: `"${name}" cannot be required: use fields such as Md5, Size, Content-Digest or Repr-Digest, or sha-256 or sha-512`,
      }),
    );
  });
});

describe("a required algorithm is a strength: it is met by a digest that is at least as strong", () => {
  const met: Readonly<Record<"md5" | "sha" | "sha-256" | "sha-512", readonly Algorithm[]>> = {
    md5: ["md5", "sha", "sha-256", "sha-512"],
    sha: ["sha", "sha-256", "sha-512"],
    "sha-256": ["sha-256", "sha-512"],
    "sha-512": ["sha-512"],
  };

  test.each(Object.entries(met))("%s", (required, enough) => {
    for (const algorithm of algorithms) {
      const trailer = lines(["Repr-Digest", member(computed, algorithm)]);
      const verdict = decideVerdict({
        header: FieldLines.empty,
        trailer,
        computed,
        // The names of an object's keys are strings to TypeScript.
        require: [required as Algorithm],
      });
      expect([algorithm, verdict.name]).toEqual([algorithm, enough.includes(algorithm) ? "verified" : "missing"]);
    }
  });

  test("and not by one that does not hold, that was not computed, or by a size", () => {
    const verdictOf = (field: string, value: string) =>
      decideVerdict({ header: lines([field, value]), computed, require: ["sha-256"] }).name;
    expect(verdictOf("Content-Digest", member(tampered, "sha-256"))).toBe("mismatched");
    expect(verdictOf("Size", String(computed.size))).toBe("missing");
    const few = { ...computed, values: new Map([["md5", computed.values.get("md5")!] as const]) };
    const header = lines(["Content-Digest", `${member(computed, "md5")}, ${member(computed, "sha-256")}`]);
    expect(decideVerdict({ header, computed: few, require: ["sha-256"] }).name).toBe("missing");
  });

  test("and its error says what is required", () => {
    const header = lines(["Content-Digest", member(computed, "md5")]);
    const error = verdictError(decideVerdict({ header, computed, require: ["sha-256"] }));
    expect([error.code, error.message]).toEqual([
      "DIGEST_MISSING",
      "no digest that is strong enough could be checked: a sha-256 or sha-512 digest is required",
    ]);
  });
});
