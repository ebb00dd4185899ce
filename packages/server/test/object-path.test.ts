import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { parseObjectPath } from "../src/stores/object-path.ts";

const codeOf = (target: string): string => {
  try {
    return `taken as ${JSON.stringify(parseObjectPath(target))}`;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

test.each([
  ["/a", "a"],
  ["/a/b.txt", "a/b.txt"],
  ["/a?x=/../b", "a"],
  ["/a%20b", "a b"],
  ["/%C3%A9t%c3%a9", "été"],
  ["/...", "..."],
  ["/..a/.b", "..a/.b"],
  ["/a+b", "a+b"],
  ["/%2525", "%25"],
  ["/%252e%252e/a", "%2e%2e/a"],
  ["/.trailsum-not", ".trailsum-not"],
  ["/a/.trailsum", "a/.trailsum"],
  ["http://host/a/b", "a/b"],
  ["HTTPS://host:8443/a", "a"],
  ["/http://host/a".replace("//", "/"), "http:/host/a"],
  [`/${"n".repeat(255)}`, "n".repeat(255)],
])("%s names the object %j", (target, path) => {
  expect(parseObjectPath(target)).toEqual({ path, directory: false });
});

test.each([
  ["/", ""],
  ["/a/", "a"],
  ["/?x", ""],
  ["http://host", ""],
  ["http://host/", ""],
])("%s names the directory %j", (target, path) => {
  expect(parseObjectPath(target)).toEqual({ path, directory: true });
});

test.each([
  "/..",
  "/.",
  "/a/../b",
  "/a/./b",
  "/%2e%2e/etc/passwd",
  "/%2E.",
  "/.%2e/x",
  "/a/%2e",
  "/a%2fb",
  "/a%2Fb",
  "/..%2f..%2fetc",
  "/a%5cb",
  "/.trailsum",
  "/.trailsum/digests/x",
  "/.TRAILSUM/staging/x",
  "/%2etrailsum/x",
  "http://host/../x",
  "http://host/.trailsum/x",
])("%s is forbidden", (target) => {
  expect(codeOf(target)).toBe("PATH_FORBIDDEN");
});

test.each([
  "",
  "*",
  "a",
  "host:80",
  "ftp://host/a",
  "//a",
  "/a//b",
  "/a//",
  "http://host//a",
  "/a%00",
  "/a%0ab",
  "/a%7f",
  "/a%c2%85",
  "/a\\b",
  "/a#b",
  "/a b",
  "/\u00e9",
  "/%",
  "/%4",
  "/%zz",
  "/%ff",
  "/%c0%ae%c0%ae/x",
  "/%ed%a0%80",
  `/${"n".repeat(256)}`,
  `/${"%c3%a9".repeat(128)}`,
  `/${"n/".repeat(2050)}n`,
  `/${"x".repeat(20_000)}`,
])("%s is not a path to store under", (target) => {
  expect(codeOf(target)).toBe("PATH_INVALID");
});

describe("whatever a stranger sends", () => {
  const hostile = fc.array(
    fc.constantFrom(
      "/",
      ".",
      "..",
      "%2e",
      "%2E",
      "%2f",
      "%5c",
      "%",
      "%00",
      "a",
      "%25",
      ".trailsum",
      "?",
      "#",
      "\\",
      "é",
    ),
    { maxLength: 12 },
  );

  test("a path that is taken has no segment that leads anywhere else", () => {
    fc.assert(
      fc.property(hostile, (parts) => {
        const target = `/${parts.join("")}`;
        if (["PATH_INVALID", "PATH_FORBIDDEN"].includes(codeOf(target))) return;
        const parsed = parseObjectPath(target);
        const segments = parsed.path === "" ? [] : parsed.path.split("/");
        for (const segment of segments) expect(["", ".", ".."]).not.toContain(segment);
        // oxlint-disable-next-line no-control-regex -- it must have none
        expect(parsed.path).not.toMatch(/[\\\u0000-\u001f]/);
        expect(segments[0]).not.toBe(".trailsum");
      }),
      { numRuns: 2000 },
    );
  });

  test("every name that a file can have can be reached", () => {
    const segment = fc
      .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
      .filter((name) => ![".", "..", ".trailsum"].includes(name) && !/[/\\]|\p{Cc}/u.test(name));
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 5 }), (segments) => {
        const target = `/${segments.map((name) => encodeURIComponent(name)).join("/")}`;
        expect(parseObjectPath(target)).toEqual({ path: segments.join("/"), directory: false });
      }),
    );
  });
});
