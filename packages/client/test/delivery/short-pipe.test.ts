import { PassThrough } from "node:stream";

import { expect, onTestFinished, test } from "vitest";

import { TrailerAgent, upload, type UploadOptions } from "../../src/index.ts";
import { rejection } from "../transfer/peers.ts";
import { contractServer } from "./contract-server.ts";

/** Paths are known by dispatcher: each test has its own. */
function fresh(): UploadOptions {
  const dispatcher = new TrailerAgent();
  onTestFinished(() => dispatcher.close());
  return { dispatcher };
}

function* pieces(...given: string[]): Generator<string> {
  yield* given;
}

test.each([
  ["one piece", ["x"]],
  ["several pieces", ["one, ", "two, ", "three"]],
  ["nothing", []],
  ["as much as is held", ["a".repeat(65_535), "b"]],
])("a pipe of %s is one request, although nothing is known of the path", async (_what, given) => {
  const { origin, asked, stored } = await contractServer({ path: "keeps" });
  const result = await upload(`${origin}/it`, pieces(...given), fresh());
  expect(asked).toEqual(["PUT /it"]);
  expect([stored.get("/it"), result.digests.size]).toEqual([given.join(""), given.join("").length]);
});

test("a pipe that is one byte longer is asked about, and arrives whole", async () => {
  const { origin, asked, stored } = await contractServer({ path: "keeps" });
  await upload(`${origin}/it`, pieces("a".repeat(65_536), "b"), fresh());
  expect(asked).toEqual(["OPTIONS /it", "PUT /it"]);
  expect(stored.get("/it")).toBe(`${"a".repeat(65_536)}b`);
});

test("a short pipe is completed where its trailers are dropped, and the next one is one request", async () => {
  const { origin, asked, stored } = await contractServer({ path: "drops" });
  const options = fresh();
  await upload(`${origin}/it`, pieces("x"), options);
  expect(asked.splice(0)).toEqual(["PUT /it", "PATCH /.trailsum/uploads/ID"]);
  const next = await upload(`${origin}/next`, pieces("y"), options);
  expect([asked, next.delivery.mode]).toEqual([["PUT /next"], "header"]);
  expect([stored.get("/it"), stored.get("/next")]).toEqual(["x", "y"]);
});

test("a short pipe is sent again where the connection ends at the trailers", async () => {
  const { origin, stored } = await contractServer({ path: "kills" });
  const { delivery } = await upload(`${origin}/it`, pieces("x"), fresh());
  expect([delivery.mode, delivery.attempts, stored.get("/it")]).toEqual(["header", 2, "x"]);
});

test("a pipe that pauses is sent before it has ended", async () => {
  const { origin, asked, stored } = await contractServer({ path: "keeps" });
  const pipe = new PassThrough();
  pipe.write("begun, ");
  const uploading = upload(`${origin}/it`, pipe, fresh());
  await expect.poll(() => asked).toEqual(["OPTIONS /it", "PUT /it"]);
  pipe.end("ended");
  await uploading;
  expect(stored.get("/it")).toBe("begun, ended");
});

test("pieces that use the same memory arrive as they were given", async () => {
  const { origin, stored } = await contractServer({ path: "keeps" });
  function* inTurn(): Generator<Uint8Array> {
    const memory = Buffer.alloc(2);
    for (const text of ["ab", "cd", "ef"]) {
      memory.write(text);
      yield memory;
    }
  }
  await upload(`${origin}/it`, inTurn(), fresh());
  expect(stored.get("/it")).toBe("abcdef");
});

test("a pipe that fails while it is short stores nothing, and one that is cancelled is released", async () => {
  const { origin, stored } = await contractServer({ path: "keeps" });
  function* failing(): Generator<string> {
    yield "x";
    throw new Error("broken");
  }
  expect((await rejection(upload(`${origin}/it`, failing(), fresh()))).code).toBe("FILE_UNREADABLE");
  const pipe = new PassThrough();
  pipe.write("x");
  const signal = AbortSignal.timeout(20);
  expect((await rejection(upload(`${origin}/it`, pipe, { ...fresh(), signal }))).code).toBe("ABORTED");
  expect([pipe.destroyed, stored.size]).toEqual([true, 0]);
});
