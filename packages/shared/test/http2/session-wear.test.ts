import { createServer } from "node:http2";

import { errorCodes, type Http2Stream, listen, rawHttp2Client, requestFields } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { sessionLimits, superviseSession } from "../../src/http2/index.ts";

/** A client of a server that supervises its sessions, and sends a head at once and content when it is told to. */
async function supervised() {
  const gate = Promise.withResolvers<void>();
  const server = createServer(sessionLimits, (_request, response) => {
    response.on("error", () => {}).writeHead(200);
    void gate.promise.then(() => response.end("content"));
  });
  server.on("session", superviseSession);
  const { port } = await listen(server);
  const peer = await rawHttp2Client(port);
  const get = async (): Promise<Http2Stream> => {
    const stream = await peer.request(requestFields("GET", "/"), { endStream: true });
    await peer.until(() => stream.status, "the head");
    return stream;
  };
  const cancel = async (count: number): Promise<void> => {
    for (let done = 0; done < count; done += 1) await (await get()).reset(errorCodes.CANCEL);
  };
  return { peer, get, cancel, answer: gate.resolve };
}

test("an idle session is retired with GOAWAY after 64 cancelled streams", async () => {
  const { peer, cancel } = await supervised();
  await cancel(63);
  await peer.ping();
  expect(peer.goaway).toBeUndefined();
  await cancel(1);
  expect((await peer.untilGoaway()).errorCode).toBe(errorCodes.NO_ERROR);
  await peer.untilClosed();
});

test("a busy session is retired after 128 cancelled streams, and what runs is finished", async () => {
  const { peer, get, cancel, answer } = await supervised();
  const running = await get();
  await cancel(127);
  await peer.ping();
  expect(peer.goaway).toBeUndefined();
  await cancel(1);
  expect((await peer.untilGoaway()).errorCode).toBe(errorCodes.NO_ERROR);
  answer();
  await peer.until(() => running.ended || undefined, "the rest of the response");
  expect(running.data.toString()).toBe("content");
  await peer.untilClosed();
});
