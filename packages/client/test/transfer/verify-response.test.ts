import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";

import type { ErrorCode, VerdictName } from "@trailsum/shared";
import { http, HttpResponse } from "msw";
import { setupServer } from "msw/node";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { verifyResponse } from "../../src/index.ts";
import { rejection } from "./peers.ts";

const network = setupServer();
beforeAll(() => network.listen({ onUnhandledFrame: "error" }));
afterEach(() => network.resetHandlers());
afterAll(() => network.close());

const content = "content";
const url = "https://example.test/file";
const md5 = (of = content): string => createHash("md5").update(of).digest("base64");
const right = `md5=:${md5()}:`;
const wrong = `md5=:${md5("other")}:`;

/** What fetch gives for an answer like this. */
async function fetched(
  headers: Record<string, string>,
  body: string | Uint8Array<ArrayBuffer> | ReadableStream | null = content,
  status = 200,
): Promise<Response> {
  network.use(http.all(url, () => new HttpResponse(body, { status, headers })));
  return fetch(url);
}

describe("a response of fetch with", () => {
  const good: readonly [what: string, verdict: VerdictName, headers: Record<string, string>][] = [
    ["the right Repr-Digest", "verified", { "Repr-Digest": right }],
    [
      "the right Content-Digest",
      "verified",
      { "Content-Digest": `sha-256=:${createHash("sha256").update(content).digest("base64")}:` },
    ],
    ["the right Content-MD5", "verified", { "Content-MD5": md5() }],
    ["no digest", "unverified", {}],
    ["a digest that is unknown", "unverified", { "Repr-Digest": "md6=:AAAA:" }],
  ];
  test.each(good)("%s is %s, and read to its end", async (_what, verdict, headers) => {
    const { body, verdict: promised } = verifyResponse(await fetched(headers));
    expect(Buffer.concat(await body.toArray()).toString()).toBe(content);
    expect((await promised).name).toBe(verdict);
  });

  const bad: readonly [what: string, code: ErrorCode, headers: Record<string, string>][] = [
    ["another Repr-Digest", "DIGEST_MISMATCHED", { "Repr-Digest": wrong }],
    ["another Content-MD5", "DIGEST_MISMATCHED", { "Content-MD5": md5("other") }],
    ["one bad digest beside a good one", "DIGEST_MISMATCHED", { "Repr-Digest": right, "Content-Digest": wrong }],
    ["a digest that cannot be read", "DIGEST_MALFORMED", { "Repr-Digest": "md5=:AAAA:" }],
  ];
  test.each(bad)("%s never comes to a clean end: %s", async (_what, code, headers) => {
    const { body, verdict } = verifyResponse(await fetched(headers));
    expect((await rejection(body.toArray())).code).toBe(code);
    expect((await verdict).name).toBe(code === "DIGEST_MALFORMED" ? "malformed" : "mismatched");
  });

  test("no digest is refused where only what is verified will do", async () => {
    const { body } = verifyResponse(await fetched({}), { allowUnverified: false });
    expect((await rejection(body.toArray())).code).toBe("DIGEST_UNVERIFIED");
  });

  test("a part is verified by its Content-Digest, and not by the Repr-Digest of the whole", async () => {
    const response = await fetched({ "Content-Digest": right, "Repr-Digest": wrong }, content, 206);
    const { body, verdict } = verifyResponse(response);
    await body.toArray();
    expect((await verdict).name).toBe("verified");
  });

  test("content that fetch has decoded cannot be verified, and is not refused for that", async () => {
    const headers = { "Content-Encoding": "gzip", "Content-Digest": `md5=:${md5("of the coded form")}:` };
    const { body, verdict } = verifyResponse(await fetched(headers, gzipSync(content)));
    expect(Buffer.concat(await body.toArray()).toString()).toBe(content);
    expect((await verdict).name).toBe("unverified");
  });
});

describe("a response of fetch that has no content", () => {
  test.each([
    ["204", 204, "GET"],
    ["304", 304, "GET"],
    ["an answer to HEAD", 200, "HEAD"],
  ])("%s, is not compared with the digest of what is not there", async (_what, status, method) => {
    const answer = new HttpResponse(null, { status, headers: { "Repr-Digest": right } });
    network.use(http.all(url, () => answer));
    const { body, verdict } = verifyResponse(await fetch(url, { method }));
    expect(await body.toArray()).toEqual([]);
    expect((await verdict).name).toBe("unverified");
  });

  test("and should have none is verified as empty", async () => {
    const empty = new ReadableStream({ start: (controller) => controller.close() });
    const { body, verdict } = verifyResponse(await fetched({ "Repr-Digest": `md5=:${md5("")}:` }, empty));
    expect(await body.toArray()).toEqual([]);
    expect((await verdict).name).toBe("verified");
  });
});

describe("a body that was", () => {
  test("read before is refused", async () => {
    const response = await fetched({});
    await response.text();
    expect(() => verifyResponse(response)).toThrow(expect.objectContaining({ code: "USAGE" }));
  });

  test("taken by a reader before is refused", async () => {
    const response = await fetched({});
    response.body!.getReader();
    expect(() => verifyResponse(response)).toThrow(expect.objectContaining({ code: "USAGE" }));
  });

  test("given up by its reader is cancelled at its source", async () => {
    const { promise: cancelled, resolve: cancel } = Promise.withResolvers<unknown>();
    const source = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)), cancel });
    const { body, verdict } = verifyResponse(new Response(source));
    body.destroy();
    await cancelled;
    expect((await rejection(verdict)).code).toBe("CONNECTION_LOST");
  });
});

describe("a body that fails in the middle fails the stream and the verdict alike,", () => {
  /** A body that gives some, and then fails. */
  function failing(error: Error): ReadableStream {
    let pulls = 0;
    return new ReadableStream({
      pull(controller) {
        pulls += 1;
        if (pulls === 1) controller.enqueue(Buffer.from("cont"));
        else controller.error(error);
      },
    });
  }

  test.each([
    [
      "as a lost connection",
      "CONNECTION_LOST",
      new TypeError("terminated", { cause: Object.assign(new Error("closed"), { code: "UND_ERR_SOCKET" }) }),
    ],
    ["as a cancellation", "ABORTED", new DOMException("enough", "AbortError")],
    ["as something else", "INTERNAL", new RangeError("odd")],
  ])("%s: %s", async (_how, code, error) => {
    const { body, verdict } = verifyResponse(new Response(failing(error), { headers: { "Repr-Digest": right } }));
    expect((await rejection(body.toArray())).code).toBe(code);
    expect((await rejection(verdict)).code).toBe(code);
  });
});
