import { pipeline, Transform } from "node:stream";
import { expect, test } from "vitest";
import { FeedSource, streamContract } from "../src/index.ts";

streamContract("a transform in a pipeline", {
  create(source) {
    let bad = false;
    const stream = new Transform({
      transform: (chunk, _encoding, done) => done(null, chunk),
      flush: (done) => done(bad ? new Error("mismatched") : null),
    });
    pipeline(source, stream, () => {});
    return {
      stream,
      spoil() {
        bad = true;
      },
    };
  },
});

test("a feed source gives what is offered, when it is asked, and then ends", async () => {
  const source = new FeedSource(Buffer.from("abcd"));
  source.offer(6);
  expect(source.produced).toBe(0);
  source.finish();
  expect(Buffer.concat(await source.toArray()).toString()).toBe("abcdab");
  expect(source.produced).toBe(6);
});
