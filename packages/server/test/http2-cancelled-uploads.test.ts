import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import {
  dataFrame,
  encodeFields,
  errorCodes,
  headersFrame,
  type Http2Peer,
  rawHttp2Client,
  requestFields,
  resetFrame,
} from "@trailsum/testkit";
import { expect, onTestFinished, test } from "vitest";

import { createMemoryStore, createUploadServer, type Store } from "../src/index.ts";
import { content, md5 } from "./peer.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** `CANCELLED_UPLOADS=10000` is the whole storm. */
const UPLOADS = Number(process.env["CANCELLED_UPLOADS"] ?? 2000);

const PUT = encodeFields(requestFields("PUT", "/cancelled", [["trailer", "md5"]]));

/** Begins uploads and cancels them, a hundred at a time, each once the server has read its beginning. */
async function storm(peer: Http2Peer, from: number, count: number): Promise<void> {
  for (let begun = 0; begun < count; begun += 100) {
    const ids = Array.from({ length: 100 }, (_, index) => from + (begun + index) * 2);
    await peer.send(...ids.flatMap((id) => [headersFrame(id, PUT), dataFrame(id, Buffer.alloc(1000))]));
    await peer.ping();
    await peer.send(...ids.map((id) => resetFrame(id, errorCodes.CANCEL)));
  }
  await peer.ping();
}

test("cancelled uploads on one connection leave others alone, and nothing staged", async () => {
  const store = createMemoryStore();
  const counts = { staged: 0, discarded: 0, logged: 0 };
  const counting: Store = Object.assign(Object.create(store) as Store, {
    async stage(...given: Parameters<Store["stage"]>) {
      const staged = await store.stage(...given);
      counts.staged += 1;
      const discard = staged.discard.bind(staged);
      staged.discard = async () => {
        await discard();
        counts.discarded += 1;
      };
      return staged;
    },
  });
  const log = (): void => void (counts.logged += 1);
  const server = createUploadServer({
    store: counting,
    listen: { port: 0 },
    logger: { info: log, warn: log, error: log },
  });
  onTestFinished(() => server.close({ graceMs: 0 }));
  const { port } = await server.listen();
  const [peer, other] = [await rawHttp2Client(port), await rawHttp2Client(port)];
  const begin = (path: string, on: Http2Peer) => on.request(requestFields("PUT", path, [["trailer", "md5"]]));
  const underWay = [await begin("/same", peer), await begin("/other", other)];

  const memory = async (from: number, count: number): Promise<number> => {
    const before = counts.logged;
    await storm(peer, from, count);
    await expect.poll(() => counts.logged - before).toBe(count);
    await expect.poll(() => counts.staged - counts.discarded).toBe(underWay.length);
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const warmUp = UPLOADS / 5;
  const before = await memory(3, warmUp);
  const after = await memory(3 + warmUp * 2, UPLOADS - warmUp);
  // Two kilobytes of each would be as much.
  expect(after - before).toBeLessThan(UPLOADS * 2048);
  for (const stream of underWay) {
    await stream.body(content);
    await stream.endWithTrailers([["md5", md5(content)]]);
    await stream.untilEnd();
    expect(stream.status).toBe(201);
  }
  expect(peer.goaway).toBeUndefined();
});
