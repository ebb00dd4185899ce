import { join } from "node:path";

import { tempDir } from "@trailsum/testkit";
import { expect, onTestFinished, test } from "vitest";

import { createRateLimit, download, TrailerAgent, upload } from "../../src/index.ts";
import { receiver } from "../transfer/peers.ts";
import { objectServer, patterned } from "./object-server.ts";

test("a pause of a rate limit is not taken for a server that has gone silent", async () => {
  const dispatcher = new TrailerAgent({ bodyTimeout: 200, headersTimeout: 5_000 });
  onTestFinished(() => dispatcher.destroy());
  const server = await objectServer(patterned(200_000));
  const path = join(await tempDir(), "file");
  const began = performance.now();
  const { verdict } = await download(server.origin, path, { dispatcher, limitRate: 200_000 });
  expect(verdict.computed.size).toBe(200_000);
  expect(performance.now() - began).toBeGreaterThan(850);

  const sink = await receiver();
  const sent = await upload(sink.origin, patterned(60_000), { dispatcher, limitRate: 60_000 });
  expect(sent.digests.size).toBe(60_000);
  expect(sink.uploads[0]!.content).toHaveLength(60_000);
  expect(performance.now() - began).toBeGreaterThan(1_700);
});

test("a limit lets at most a tenth of a second's worth of bytes pass at once", () => {
  const limit = createRateLimit(1_000);
  expect(limit.take(90)).toBeUndefined();
  const waiting = limit.take(100);
  expect(waiting).toBeInstanceOf(Promise);
  return waiting;
});
