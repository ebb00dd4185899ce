import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { tempDir } from "@trailsum/testkit";
import { Dispatcher } from "undici";
import { expect, test } from "vitest";

import { upload } from "../../src/index.ts";

const SIZE = 200_000;

/** Answers as soon as it has so many bytes of a request, and never asks its body whether there is more. */
class AnswersAtLength extends Dispatcher {
  override dispatch({ body }: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const raw: string[] = [];
    const controller = {
      aborted: false,
      paused: false,
      reason: null,
      rawHeaders: raw,
      rawTrailers: raw,
      pause() {},
      resume() {},
      abort() {},
    };
    handler.onRequestStart?.(controller, {});
    void (async () => {
      const pieces = (body as unknown as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
      for (let size = 0; size < SIZE;) size += ((await pieces.next()) as { value: Uint8Array }).value.byteLength;
      handler.onResponseStart?.(controller, 200, {}, "OK");
      handler.onResponseEnd?.(controller, {});
    })();
    return true;
  }
}

test("an answer that comes with the last byte of a known length is not too early", async () => {
  const path = join(await tempDir(), "file");
  await writeFile(path, Buffer.alloc(SIZE, "content "));
  const result = await upload("http://test.example/it", path, {
    dispatcher: new AnswersAtLength(),
    delivery: "header",
  });
  expect(result).toMatchObject({ status: 200, digests: { size: SIZE }, delivery: { mode: "header" } });
});
