import { createHash } from "node:crypto";
import { pipeline, Readable, Transform } from "node:stream";

import { streamContract } from "@trailsum/testkit";

import { verifyResponse } from "../../src/index.ts";

// What the contract's whole source consists of.
const digest = createHash("md5")
  .update(Buffer.alloc(1024 * 1024, "trailsum"))
  .digest("base64");

streamContract("the body of verifyResponse", {
  create(source) {
    let spoilt = false;
    const way = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        done(null, spoilt ? Buffer.alloc(chunk.length, "spoilt") : chunk);
      },
    });
    pipeline(source, way, () => {});
    const body = Readable.toWeb(way) as ReadableStream<Uint8Array>;
    const { body: stream } = verifyResponse(new Response(body, { headers: { "Repr-Digest": `md5=:${digest}:` } }));
    return {
      stream,
      spoil() {
        spoilt = true;
      },
    };
  },
});
