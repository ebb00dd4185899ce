import { parseRequestTarget } from "@trailsum/http/inbound";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { joinPath, joinTarget } from "../src/request/outbound-target.ts";
import { Upstream, upstreamUrls } from "../src/upstream/upstreams.ts";

describe("a request target", () => {
  test.each([
    ["/", { path: "/", query: undefined, authority: undefined }],
    ["/a%2Fb//c/../d", { path: "/a%2Fb//c/../d", query: undefined, authority: undefined }],
    ["/a?b=c?d", { path: "/a", query: "b=c?d", authority: undefined }],
    ["/a?", { path: "/a", query: "", authority: undefined }],
    ["*", { path: "*", query: undefined, authority: undefined }],
    ["//other.example/x", { path: "//other.example/x", query: undefined, authority: undefined }],
    ["/http://other.example/x", { path: "/http://other.example/x", query: undefined, authority: undefined }],
    ["http://a.example:81/p?q", { path: "/p", query: "q", authority: "a.example:81" }],
    ["HTTPS://a.example", { path: "", query: undefined, authority: "a.example" }],
    ["http://a.example?q", { path: "", query: "q", authority: "a.example" }],
  ])("%j is taken apart", (target, expected) => {
    expect(parseRequestTarget(target)).toEqual(expected);
  });
});

describe("rules 28 to 30: a request goes to", () => {
  test.each([
    ["http://o", "/", "/"],
    ["http://o/", "/x", "/x"],
    ["http://o/base", "/x", "/base/x"],
    ["http://o/base/", "/x", "/base/x"],
    ["http://o/base/", "//x", "/base//x"],
    ["http://o/b%2Fc/", "/x%2Fy", "/b%2Fc/x%2Fy"],
    ["http://o/base?one=1", "/x?two=2", "/base/x?one=1&two=2"],
    ["http://o/base?one=1", "/x", "/base/x?one=1"],
    ["http://o/base?one=1", "/x?;", "/base/x?one=1&;"],
    ["http://o", "/x?a=;", "/x?a=;"],
    ["http://o", "/x?", "/x?"],
    ["http://o?one=1", "/x?", "/x?one=1"],
    ["http://o/base", "http://asked.example/x?q", "/base/x?q"],
    ["http://o/base", "http://asked.example", "/base/"],
    ["http://o/base", "*", "*"],
  ])("%s with %s as %s", (base, asked, expected) => {
    expect(joinTarget(new Upstream(new URL(base)).base, parseRequestTarget(asked))).toBe(expected);
  });

  test("a path that begins with the target's and has one slash at the seam, whatever both are", () => {
    const segments = fc.array(fc.constantFrom("a", "%2F", "b.c", "~"), { minLength: 1 }).map((list) => list.join("/"));
    fc.assert(
      fc.property(segments, fc.boolean(), segments, fc.boolean(), (base, slash, path, leading) => {
        const joined = joinPath(`/${base}${slash ? "/" : ""}`, `${leading ? "/" : ""}${path}`);
        expect(joined).toBe(`/${base}/${path}`);
      }),
    );
  });
});

describe("a target", () => {
  test.each(["", "origin", "ftp://o/", "//o", "127.0.0.1:80", "unix:/run/x"])("may not be %j", (target) => {
    expect(() => upstreamUrls(target)).toThrow(expect.objectContaining({ code: "USAGE" }));
  });

  test.each(["http://user:secret@o/", "http://user@o", "https://:secret@o/x", new URL("http://user:secret@o")])(
    "may not have credentials, which no message repeats: %s",
    (target) => {
      const message = expect.not.stringContaining("secret");
      expect(() => upstreamUrls(target)).toThrow(expect.objectContaining({ code: "USAGE", message }));
    },
  );

  test.each(["http://o/#", "http://o#a", "http://o/x?y#z", new URL("http://o/#a")])(
    "may not have a fragment: %s",
    (target) => {
      expect(() => upstreamUrls([target])).toThrow(expect.objectContaining({ code: "USAGE" }));
    },
  );

  test.each(["ftp://user:secret@o/", "http://user:secret@o o/"])(
    "that is not valid does not show a password",
    (target) => {
      const message = expect.not.stringContaining("secret");
      expect(() => upstreamUrls(target)).toThrow(expect.objectContaining({ code: "USAGE", message }));
    },
  );

  test("must be one at least", () => {
    expect(() => upstreamUrls([])).toThrow("at least one target");
  });

  test("may be text or a URL, one or several", () => {
    const hrefs = upstreamUrls(["http://a:81/x?y", new URL("https://b")]).map(({ href }) => href);
    expect(hrefs).toEqual(["http://a:81/x?y", "https://b/"]);
  });
});
