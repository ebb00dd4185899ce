import type { TrailerSelection } from "@trailsum/shared";
import { rawServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { ask, FRONTS, readMessage } from "./peers.ts";

const SECTION = ["X-B: 1", "x-a: one", "X-B: 2", "X-Empty: ", "X-Unannounced: u", "X-Hop: h"];

/** A message with these trailers, of which all but one are announced, and one is for one hop only. */
function chunked(startLine: string, trailers: readonly string[] = SECTION, own: readonly string[] = []): string {
  const fields = [
    "Connection: close, X-Hop",
    "Trailer: X-B, x-a",
    "Trailer: X-Empty, X-Hop, X-Never, x-b",
    "X-A: header",
    "Transfer-Encoding: chunked",
  ];
  return [startLine, ...fields, ...own, "", "4", "body", "0", ...trailers, "", ""].join("\r\n");
}

const PASSES: readonly (readonly [select: TrailerSelection, announced: string[], sent: string[]])[] = [
  ["declared", ["Trailer: X-B, x-a, X-Empty, X-Never"], ["X-B: 1", "x-a: one", "X-B: 2", "X-Empty: "]],
  ["all", ["Trailer: X-B, x-a, X-Empty, X-Never"], ["X-B: 1", "x-a: one", "X-B: 2", "X-Empty: ", "X-Unannounced: u"]],
  ["none", [], []],
  [["x-UNANNOUNCED", "X-b"], ["Trailer: X-B"], ["X-B: 1", "X-B: 2", "X-Unannounced: u"]],
];

describe.each(FRONTS)("a proxy %s:", (_front, proxyServer) => {
  describe.each(PASSES)("trailers: %j", (select, announced, sent) => {
    test("of requests (rule 73, G1, G2, G5, G14): in their order, with duplicates, apart from header fields", async () => {
      const seen = Promise.withResolvers<Awaited<ReturnType<typeof readMessage>>>();
      const origin = await rawServer(async (connection) => {
        seen.resolve(await readMessage(connection));
        await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      });
      const { port } = await proxyServer({ target: origin.origin, requestTrailers: select });
      await ask(port, chunked("POST / HTTP/1.1", SECTION, ["Host: a"]));
      const { fieldLines, trailerLines, body } = await seen.promise;
      expect(body.toString()).toBe("body");
      expect(fieldLines.filter((line) => /^(trailer|x-a):/i.test(line)).toSorted()).toEqual(
        [...announced, "X-A: header"].toSorted(),
      );
      expect(trailerLines).toEqual(sent);
    });

    test("of responses (rules 60 to 64): in their order, with duplicates, apart from header fields", async () => {
      const origin = await rawServer(async (connection) => {
        await connection.readHead();
        await connection.write(chunked("HTTP/1.1 200 OK"));
      });
      const { port } = await proxyServer({ target: origin.origin, responseTrailers: select });
      const { fieldLines, trailerLines, body } = await ask(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      expect(body.toString()).toBe("body");
      expect(fieldLines.filter((line) => /^(trailer|x-a):/i.test(line)).toSorted()).toEqual(
        [...announced, "X-A: header"].toSorted(),
      );
      expect(trailerLines).toEqual(sent);
    });
  });

  const FORBIDDEN = [
    "Authorization",
    "Set-Cookie",
    "Host",
    "Connection",
    "Content-Type",
    "If-Match",
    "X-Forwarded-For",
    "TE",
  ];

  test("rules 66, 67, G4: names that may be no trailers pass in neither direction, announced or not", async () => {
    const trailers = [...FORBIDDEN.map((name) => `${name}: x`), "X-Fine: 1"];
    const own = [`Trailer: ${FORBIDDEN.join(", ")}, X-Fine`];
    const seen = Promise.withResolvers<Awaited<ReturnType<typeof readMessage>>>();
    const origin = await rawServer(async (connection) => {
      seen.resolve(await readMessage(connection));
      await connection.write(chunked("HTTP/1.1 200 OK", trailers, own));
    });
    const { port } = await proxyServer({ target: origin.origin, requestTrailers: "all" });
    const answer = await ask(port, chunked("POST / HTTP/1.1", trailers, ["Host: a", ...own]));
    for (const { fieldLines, trailerLines } of [await seen.promise, answer]) {
      expect(trailerLines).toEqual(["X-Fine: 1"]);
      expect(fieldLines).toContain("Trailer: X-B, x-a, X-Empty, X-Never, X-Fine");
    }
  });

  test.each([
    [
      "HEAD",
      "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
    ["304", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nTrailer: X-T\r\n\r\n"],
    [
      "204",
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "HTTP/1.1 204 No Content\r\nTrailer: X-T\r\nContent-Length: 0\r\n\r\n",
    ],
    ["HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", chunked("HTTP/1.1 200 OK")],
    ["a length", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nTrailer: X-T\r\nContent-Length: 2\r\n\r\nok"],
  ])("rules 70, 71, G14: nothing is announced where nothing can follow: %s", async (_what, request, response) => {
    const origin = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write(response);
      await connection.readToEnd();
    });
    const { port } = await proxyServer({ target: origin.origin });
    const { fieldLines, trailerLines, rest } = await ask(port, request);
    expect(fieldLines.join("\n")).not.toMatch(/^Trailer:/m);
    expect([trailerLines, rest.length]).toEqual([[], 0]);
  });

  test("requests without content, or of a known length, announce nothing either", async () => {
    const heads: string[] = [];
    const origin = await rawServer(async (connection) => {
      for (let turn = 0; turn < 2; turn += 1) {
        const from = connection.received.length;
        const { fieldLines } = await readMessage(connection, { from });
        heads.push(fieldLines.join("\n"));
        await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      }
    });
    const { port } = await proxyServer({ target: origin.origin });
    await ask(port, "GET / HTTP/1.1\r\nHost: a\r\nTrailer: X-T\r\n\r\n");
    await ask(port, "PUT / HTTP/1.1\r\nHost: a\r\nTrailer: X-T\r\nContent-Length: 2\r\n\r\nok");
    expect(heads.length).toBe(2);
    expect(heads.join("\n")).not.toMatch(/^Trailer:/m);
  });
});
