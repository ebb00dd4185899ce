import { upgradeProtocol } from "@trailsum/http/inbound";
import { FieldLines } from "@trailsum/shared";
import { describe, expect, test } from "vitest";

import { endToEndFields, separateHeader } from "../src/hop-by-hop.ts";

function fields(...texts: string[]): FieldLines {
  return FieldLines.from(
    texts.map((text): [string, string] => [text.slice(0, text.indexOf(":")), text.slice(text.indexOf(":") + 1).trim()]),
  );
}

describe("rule 21: what is for one hop", () => {
  test.each([
    "Connection",
    "Proxy-Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "HTTP2-Settings",
    "upgrade",
    "TRAILER",
    "Transfer_Encoding",
    "PROXY_AUTHORIZATION",
  ])("does not go on: %s, empty or not", (name) => {
    expect([...endToEndFields(fields(`${name}: x`, "A: b", `${name}:`))]).toEqual([["A", "b"]]);
  });

  test.each([
    ["Connection: x-hop", ["X-Hop: 1", "X-HOP: 2"]],
    ["Connection: close, X-Hop", ["X-Hop: 1"]],
    ["Connection: ,, \t x-hop\t,", ["X-Hop:"]],
    ["Connection: x-hop", ["X_Hop: 1"]],
    ["Connection: x_hop", ["X-Hop: 1"]],
  ])("is named by %j", (connection, named) => {
    const kept = endToEndFields(fields(...named, "X-Stays: 1", connection, "X-Hope: 1"));
    expect([...kept].map(([name]) => name)).toEqual(["X-Stays", "X-Hope"]);
  });

  test("is named by any of several Connection lines, the first empty, before or after the fields", () => {
    const kept = endToEndFields(fields("A: 1", "Connection:", "B: 2", "Connection: b", "Connection: A", "C: 3"));
    expect([...kept]).toEqual([["C", "3"]]);
  });

  test("is not Trailers, Keep-Alive-Not or any other name that only looks like it", () => {
    const all = fields("Trailers: x", "Keep-Alive-Not: x", "Set-Cookie: a", "Set-Cookie: b", "Empty:");
    expect([...endToEndFields(all)]).toEqual([...all]);
  });

  test("is listed in lower case", () => {
    expect(separateHeader(fields("Connection: Close, X-A", "connection: TE")).connection).toEqual([
      "close",
      "x-a",
      "te",
    ]);
  });
});

describe("rule 22: a sender takes trailers", () => {
  test.each([
    [["TE: trailers"], true],
    [["TE: Trailers"], true],
    [["TE: gzip", "te: deflate;q=0.5 , TRAILERS"], true],
    [["TE: trailers;q=0.5"], false],
    [["TE: trailer"], false],
    [["TE:"], false],
    [[], false],
  ])("with %j: %j", (lines, expected) => {
    expect(separateHeader(fields(...lines)).takesTrailers).toBe(expected);
  });
});

describe("rules 49, 50, 52: a message switches", () => {
  test.each([
    [["Connection: Upgrade", "Upgrade: websocket"], "websocket"],
    [["Connection: keep-alive, UPGRADE", "Upgrade: WebSocket"], "WebSocket"],
    [["Connection: x", "Connection: upgrade", "Upgrade: websocket"], "websocket"],
    [["Connection: upgrade", "Upgrade: foo, bar/1", "Upgrade: websocket"], "websocket"],
    [["Connection: upgrade", "Upgrade: h2c, websocket"], "websocket"],
  ])("with %j to %j", (lines, expected) => {
    expect(upgradeProtocol(fields(...lines))).toBe(expected);
  });

  test.each([
    [["Upgrade: websocket"]],
    [["Connection: keep-alive", "Upgrade: websocket"]],
    [["Connection: upgrade"]],
    [["Connection: upgrade", "Upgrade:"]],
    [["Connection: upgrade", "Upgrade: h2c"]],
    [["Connection: upgrade", "Upgrade: H2C"]],
    [["Connection: upgrade", "Upgrade: web\u{e9}socket"]],
    [["Connection: upgrade", "Upgrade: web socket"]],
    [["Connection: upgrade", "Upgrade: a/b/"]],
    [["Connection: upgrade", "Upgrade: TLS/1.2"]],
    [["Connection: upgrade", "Upgrade: foo, bar/1"]],
    [["Connection: upgrade", "Upgrade: websocket/13"]],
  ])("with %j to nothing", (lines) => {
    expect(upgradeProtocol(fields(...lines))).toBeUndefined();
  });
});
