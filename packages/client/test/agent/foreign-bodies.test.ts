import type { Readable } from "node:stream";

import { duplexOf, foreignStreams, OldStream, rawServer } from "@trailsum/testkit";
import { request } from "undici";
import { describe, expect, test } from "vitest";

import { echoed, echoServer, failure, trailerAgent } from "./side-by-side.ts";

const broken = new Error("the disk is gone");

describe.each(foreignStreams)("TrailerAgent sends a body that is a stream of %s", (_name, kind) => {
  const half = (): Readable => {
    const stream = new kind.Readable({ read() {} });
    stream.push("half of it");
    return stream;
  };

  test("to its end, with the trailers, and destroys it", async () => {
    const server = await echoServer();
    const body = new kind.PassThrough();
    body.write("one ");
    body.end("two");
    const trailers = { Size: "7" };
    const got = await echoed(await request(server.url, { dispatcher: trailerAgent(), method: "PUT", body, trailers }));
    expect(got).toMatchObject({ body: "one two", rawTrailers: ["Size", "7"] });
    await expect.poll(() => body.destroyed).toBe(true);
  });

  test.each([
    ["is destroyed", undefined],
    ["fails", broken],
  ])("and never completes the request when it %s half-way", async (_how, error) => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
    });
    const body = half();
    const sent = failure(request(server.origin, { dispatcher: trailerAgent(), method: "PUT", body, trailers: {} }));
    await expect.poll(() => server.connections[0]?.received.toString() ?? "").toContain("half of it");
    body.destroy(error);
    expect(await sent).toBe(error ?? "ERR_STREAM_PREMATURE_CLOSE");
    await expect.poll(() => server.connections[0]!.ended).toBe(true);
    expect(server.connections[0]!.received.toString()).not.toMatch(/\r\n0\r\n/);
  });

  test("and never completes the request when duplexify destroys it", async () => {
    const server = await echoServer();
    const body = duplexOf(null, half());
    body.once("data", () => body.destroy());
    const options = { dispatcher: trailerAgent(), method: "PUT", body: body as unknown as Readable } as const;
    expect(await failure(request(server.url, options))).toBe("ERR_STREAM_PREMATURE_CLOSE");
  });

  test("and destroys it when there is no connection; its late errors do no harm", async () => {
    const body = half();
    expect(await failure(request("http://127.0.0.1:1", { dispatcher: trailerAgent(), method: "PUT", body }))).toBe(
      "ECONNREFUSED",
    );
    expect(body.destroyed).toBe(true);
    body.emit("error", broken);
  });
});

test("TrailerAgent sends a body that is an old stream", async () => {
  const server = await echoServer();
  const body = new OldStream(["one ", "two"]) as unknown as Readable;
  expect(await echoed(await request(server.url, { dispatcher: trailerAgent(), method: "PUT", body }))).toMatchObject({
    body: "one two",
  });
});
