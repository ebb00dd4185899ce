import { createHash } from "node:crypto";

import { rawServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { verifyResponse } from "../../src/index.ts";
import { rejection } from "./peers.ts";

// What no interceptor can play: trailers, and messages that are cut.
const content = "content";
const hex = createHash("md5").update(content).digest("hex");
const right = `Repr-Digest: md5=:${Buffer.from(hex, "hex").toString("base64")}:\r\n`;

/** Fetches from a server that answers with this as it stands, and then closes. */
async function fetched(wire: string, signal?: AbortSignal): Promise<Response> {
  const server = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write(wire);
    if (signal === undefined) connection.end();
  });
  return fetch(server.origin, { signal: signal ?? null });
}

describe("a response of fetch, whose trailers no one sees,", () => {
  const chunked = (fields: string): string =>
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Md5\r\n${fields}\r\n7\r\n${content}\r\n0\r\nMd5: ${hex}\r\n\r\n`;

  test("is verified by its header", async () => {
    const { body, verdict } = verifyResponse(await fetched(chunked(right)));
    expect(Buffer.concat(await body.toArray()).toString()).toBe(content);
    expect((await verdict).name).toBe("verified");
  });

  test("is unverified without one, and not missing what was announced", async () => {
    const { body, verdict } = verifyResponse(await fetched(chunked("")));
    await body.toArray();
    expect((await verdict).name).toBe("unverified");
  });
});

describe("a response of fetch that is cut short", () => {
  test.each([
    ["in its content", `HTTP/1.1 200 OK\r\nContent-Length: 7\r\n${right}\r\ncont`],
    ["in a chunk", `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n${right}\r\n7\r\ncont`],
    ["before its last chunk", `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n${right}\r\n7\r\ncontent\r\n`],
  ])("%s is lost, for the reader and for the requester", async (_where, wire) => {
    const { body, verdict } = verifyResponse(await fetched(wire));
    const error = await rejection(body.toArray());
    expect(error).toMatchObject({
      code: "CONNECTION_LOST",
      message: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+: /),
    });
    expect(await rejection(verdict)).toBe(error);
  });

  test("because it is cancelled is cancelled", async () => {
    const controller = new AbortController();
    const wire = `HTTP/1.1 200 OK\r\nContent-Length: 7\r\n${right}\r\ncont`;
    const { body } = verifyResponse(await fetched(wire, controller.signal));
    body.once("data", () => controller.abort());
    const failed = new Promise((resolve) => body.once("error", resolve));
    expect(await failed).toMatchObject({ code: "ABORTED" });
  });
});
