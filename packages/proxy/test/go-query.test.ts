import { echoServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { joinPath } from "../src/request/outbound-target.ts";
import { askEcho, FRONTS, proxyServer } from "./peers.ts";

test.each([
  ["", "", ""],
  ["?sta=tic", "?us=er", "?sta=tic&us=er"],
  ["", "?us=er", "?us=er"],
  ["?sta=tic", "", "?sta=tic"],
])(
  "Go 11, rule 30: the target's query %j and a request's %j reach the origin as %j",
  async (ofTarget, ofRequest, expected) => {
    const origin = await echoServer();
    const { port } = await proxyServer({ target: `${origin.origin}/${ofTarget}` });
    const { url } = await askEcho(port, `GET /${ofRequest} HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect(url).toBe(`/${expected}`);
  },
);

test.each([
  ["target", (authority: string) => authority],
  ["inbound", () => "asked.example"],
] as const)("Go 12, rules 10, 28: with host: %s the origin sees that Host", async (host, expected) => {
  const origin = await echoServer();
  const { port } = await proxyServer({ target: origin.origin, host });
  const { headers } = await askEcho(port, "GET / HTTP/1.1\r\nHost: asked.example\r\n\r\n");
  expect(headers["host"]).toBe(expected(origin.url.host));
});

test.each([
  ["/foo/", "/bar", "/foo/bar"],
  ["/foo", "/bar", "/foo/bar"],
  ["/foo", "bar", "/foo/bar"],
  ["/foo/", "bar", "/foo/bar"],
  ["/foo", "", "/foo/"],
  ["", "/bar", "/bar"],
])("Go 13, rules 28, 29: one slash joins %j and %j", (base, path, expected) => {
  expect(joinPath(base, path)).toBe(expected);
});

test.each([
  ["/a/b", "/c", "/a/b/c"],
  ["/a%2Fb", "/c", "/a%2Fb/c"],
  ["/a%2Fb", "/c%2Fd", "/a%2Fb/c%2Fd"],
  ["/a%2Fb%2F", "c", "/a%2Fb%2F/c"],
  ["/a%2Fb%2F", "/%2Fc", "/a%2Fb%2F/%2Fc"],
  ["/a/b/", "/c%zz", "/a/b/c%zz"],
])("Go 14, rule 29: escapes stay what they are in %j and %j", (base, path, expected) => {
  expect(joinPath(base, path)).toBe(expected);
});

const smuggled = [
  ["a=1&a=2;b=3", "a=1"],
  ["a=1&a=%zz&b=3", "a=1&b=3"],
  ["a=%zz", ""],
] as const;

describe.each(FRONTS)("a query that two parsers read differently, through a proxy %s", (_name, front) => {
  test.each([
    ...smuggled.map(([query]) => query),
    "a=1;b=2",
    ";",
    "&&a&",
    "a=%",
    "b=2&a=%41&a=x+y%20;",
    `a${"&".repeat(12_000)}`,
  ])("rule 31: %s reaches the origin byte for byte", async (query) => {
    const origin = await echoServer();
    const { port } = await front({ target: origin.origin });
    const { url } = await askEcho(port, `GET /?${query} HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect(url).toBe(`/?${query}`);
  });
});

describe("Go 15 to 17, rules 31, 32: with cleanQuery, a query that two parsers read differently", () => {
  test.each(smuggled)("%j reaches the origin, whatever the client means by it, as %j", async (query, expected) => {
    const origin = await echoServer();
    const { port } = await proxyServer({ target: origin.origin, cleanQuery: true });
    const { url } = await askEcho(port, `GET /?${query} HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect(url).toBe(expected === "" ? "/" : `/?${expected}`);
  });

  test.each(["/x?", "/x"])("%s keeps its empty query, or none", async (target) => {
    const origin = await echoServer();
    const { port } = await proxyServer({ target: origin.origin, cleanQuery: true });
    expect((await askEcho(port, `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`)).url).toBe(target);
  });
});

test.each(smuggled)(
  "Go 18, rule 32: rewrite can put back %j, which the target had lost to %j",
  async (query, expected) => {
    const origin = await echoServer();
    const { port } = await proxyServer({
      target: origin.origin,
      cleanQuery: true,
      rewrite: ({ in: inbound, out }) => {
        expect(out.target).toBe(expected === "" ? "/" : `/?${expected}`);
        out.target = `${inbound.target.path}?${inbound.target.query}`;
      },
    });
    const { url } = await askEcho(port, `GET /?${query} HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect(url).toBe(`/?${query}`);
  },
);
