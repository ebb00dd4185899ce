import { createServer } from "node:http2";
import type { Readable } from "node:stream";

import { listen, rawServer } from "@trailsum/testkit";
import { array, assert, property, string } from "fast-check";
import type { Dispatcher } from "undici";
import { describe, expect, test } from "vitest";

import { checkWritable } from "../../src/dispatcher/writable-text.ts";
import type { TrailerDispatchOptions } from "../../src/index.ts";
import { failure, trailerAgent } from "./side-by-side.ts";

const evil = "text/html\r\nX-Injected: true\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a";
// As latin1 these are CR LF, since of each character only the low octet is written.
const wide = "text/html\u010d\u010aX-Injected: true";

/** A Blob that says of itself what a Blob never would. */
function blobWith(what: "type" | "size", ...values: unknown[]): Readable {
  const get = (): unknown => (values.length > 1 ? values.shift() : values[0]);
  return Object.defineProperty(new Blob(["hello"]), what, { get }) as unknown as Readable;
}

/** A string only to those who look once. */
function changing(first: string, then: string): string {
  let looks = 0;
  return { toString: () => ((looks += 1) === 1 ? first : then) } as unknown as string;
}

type Options = Partial<TrailerDispatchOptions>;

const attempts: readonly [where: string, options: () => Options][] = [
  ["the type of a Blob", () => ({ body: blobWith("type", evil) })],
  ["the type of a Blob, in wide characters", () => ({ body: blobWith("type", wide) })],
  ["the size of a Blob", () => ({ body: blobWith("size", 5, "5\r\nX-Injected: true") })],
  ["a header field", () => ({ headers: { name: evil } })],
  ["the name of a header field", () => ({ headers: { "name: a\r\nX-Injected": "true" } })],
  ["the Host", () => ({ headers: { host: evil } })],
  ["the Host, in wide characters", () => ({ headers: { host: wide } })],
  ["the path", () => ({ path: "/a HTTP/1.1\r\nX-Injected: true\r\n\r\n" })],
  ["the path, in wide characters", () => ({ path: "/a\u0120HTTP/1.1\u010d\u010aX-Injected: true" })],
  ["the method", () => ({ method: "GET / HTTP/1.1\r\nX-Injected: true\r\n\r\nGET" })],
  ["the protocol of an upgrade", () => ({ method: "GET", upgrade: evil })],
  ["the protocol of an upgrade that changes", () => ({ method: "GET", upgrade: changing("websocket", evil) })],
  ["the host of a CONNECT", () => ({ method: "CONNECT", path: "host:1 HTTP/1.1\r\nX-Injected: true" })],
  ["the Trailer field", () => ({ headers: { trailer: evil }, body: "some", trailers: () => ({}) })],
  ["a trailer", () => ({ body: "some", trailers: { name: evil } })],
  ["a trailer that comes at the end", () => ({ body: "some", trailers: () => ({ name: evil }) })],
];

/** Sends it with a handler for all that may come of it; gives the code of the error. */
function sent(dispatcher: Dispatcher, origin: string, options: Options): Promise<unknown> {
  return failure(
    new Promise((resolve, reject) => {
      const all = { origin, path: "/", method: "POST", ...options } as Dispatcher.DispatchOptions;
      dispatcher.dispatch(all, {
        onRequestStart() {},
        onRequestUpgrade: () => resolve("sent"),
        onResponseStart: () => resolve("sent"),
        onResponseData() {},
        onResponseEnd() {},
        onResponseError: (_controller, error) => reject(error),
      });
    }),
  );
}

describe("TrailerAgent refuses a line break in", () => {
  test.each(attempts)("%s, over HTTP/1.1", async (_where, options) => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      connection.end("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    expect(await sent(trailerAgent(), server.origin, options())).toBe("UND_ERR_INVALID_ARG");
    for (const { received } of server.connections) expect(received.toString("latin1")).not.toContain("X-Injected");
  });

  test.each(attempts)("%s, over HTTP/2", async (_where, options) => {
    const seen: string[] = [];
    const server = createServer().on("stream", (stream, _headers, _flags, raw) => {
      seen.push(...raw);
      stream.on("trailers", (_trailers, _all, fields) => seen.push(...fields));
      stream.on("error", () => {}).respond({ ":status": 200 });
      stream.resume().end();
    });
    const { origin } = await listen(server);
    expect(await sent(trailerAgent({ useH2c: true }), origin, options())).toBe("UND_ERR_INVALID_ARG");
    expect(seen.filter((text) => text.includes("Injected"))).toEqual([]);
  });
});

test("no text that is checked has more than one line as latin1", () => {
  assert(
    property(array(string({ unit: "binary" })), (texts) => {
      try {
        checkWritable(texts);
      } catch {
        return;
      }
      for (const text of texts) {
        const octets = Buffer.from(text, "latin1");
        expect(octets.toString("latin1")).toBe(text);
        // oxlint-disable-next-line no-control-regex -- control characters are what it is about
        expect(text).not.toMatch(/[\0-\x08\x0a-\x1f\x7f]/);
      }
    }),
  );
});
