import { createServer } from "node:http2";
import { Readable } from "node:stream";

import { listen, echoServer } from "@trailsum/testkit";
import { expect, onTestFinished, test, vi } from "vitest";

import { upload } from "../../src/index.ts";
import { http2Agent, send } from "../http2/exchanging.ts";
import { receiver } from "../transfer/peers.ts";
import { trailerAgent } from "./side-by-side.ts";

/** Replaces what sinon's and jest's fake timers replace, but for `nextTick`, which Node itself cannot do without. */
function fakeTimers(): void {
  vi.useFakeTimers({
    toFake: ["setTimeout", "setInterval", "setImmediate", "clearImmediate", "queueMicrotask", "performance", "Date"],
  });
  onTestFinished(() => void vi.useRealTimers());
}

test("requests are sent and answered under fake timers, over HTTP/1.1", async () => {
  const server = await echoServer();
  const dispatcher = trailerAgent();
  fakeTimers();
  for (const body of ["some", Readable.from(["so", "me"])]) {
    const { content } = await send(dispatcher, server, { method: "PUT", body, trailers: { Size: "4" } }).ended;
    expect(JSON.parse(content)).toMatchObject({ body: "some", rawTrailers: ["Size", "4"] });
  }
});

test("requests are sent and answered under fake timers, over HTTP/2", async () => {
  const server = await listen(createServer((_request, response) => void response.end("all")));
  const dispatcher = http2Agent();
  fakeTimers();
  expect((await send(dispatcher, server, { method: "PUT", body: "some" }).ended).content).toBe("all");
});

test("an upload comes to its end under fake timers", async () => {
  const server = await receiver();
  fakeTimers();
  expect((await upload(server.origin, [Buffer.alloc(100_000), "more"])).status).toBe(201);
});
