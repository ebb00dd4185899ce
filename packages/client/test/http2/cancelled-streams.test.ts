import { createServer } from "node:http2";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { listen } from "@trailsum/testkit";
import { expect, test } from "vitest";

import type { TrailerDispatchOptions } from "../../src/index.ts";
import { type Exchanging, http2Agent, send } from "./exchanging.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const MIB = 1_048_576;

/** A server that leaves `/slow` unanswered, answers the head alone of `/long`, and everything else at its end. */
async function selectiveServer(): Promise<{ readonly origin: string; connections(): number }> {
  // By default it takes a thousand resets for an attack.
  const server = createServer({ streamResetBurst: 1_000_000, streamResetRate: 1_000_000 });
  server.on("stream", (stream, { ":path": path }) => {
    stream.on("error", () => {}).resume();
    if (path === "/slow") return;
    if (path === "/long") stream.respond({ ":status": 200 });
    else {
      stream.on("end", () => {
        stream.respond({ ":status": 200 });
        stream.end("ok");
      });
    }
  });
  return listen(server);
}

test("10,000 cancelled requests and given-up uploads on one connection leave others alone", async () => {
  const server = await selectiveServer();
  const agent = http2Agent({ connections: 1, maxConcurrentStreams: 200 });
  const long = send(agent, server, { path: "/long" });
  await expect.poll(() => long.reported.status).toBe(200);
  const kinds: readonly Partial<TrailerDispatchOptions>[] = [
    { path: "/slow" },
    { method: "PUT", path: "/slow", body: Buffer.alloc(100_000), trailers: { a: "b" } },
    { path: "/long" },
  ];
  const round = async (): Promise<void> => {
    const sent: Exchanging[] = [];
    for (let count = 0; count < 100; count += 1) sent.push(send(agent, server, kinds[count % kinds.length]));
    const good = send(agent, server, { method: "PUT", body: "content", trailers: { a: "b" } });
    // All that was sent before it has arrived by then.
    expect((await good.ended).content).toBe("ok");
    for (const { controller } of sent) controller.abort(new Error("given up"));
    for (const { ended } of sent) expect((await ended).error).toMatchObject({ message: "given up" });
  };
  const memory = async (rounds: number): Promise<number> => {
    for (let count = 0; count < rounds; count += 1) await round();
    collectGarbage();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = await memory(20);
  const after = await memory(80);
  // Two kilobytes of each would be as much.
  expect(after - before).toBeLessThan(16 * MIB);
  expect(server.connections()).toBe(1);
  expect(long.reported.error).toBeUndefined();
  long.controller.abort(new Error("over"));
  await long.ended;
});
