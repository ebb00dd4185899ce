import { createServer, type Http2Session, type Http2Stream, type ServerHttp2Stream } from "node:http2";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { listen, rawHttp2Client, requestFields } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { keepSessionForStream } from "../../src/inbound/node/native-lifetime.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Node's native part, by the only way there is. */
function handleOf(wrapper: Http2Session | Http2Stream): object {
  const symbol = Object.getOwnPropertySymbols(wrapper).find(({ description }) => description === "kHandle")!;
  return Reflect.get(wrapper, symbol) as object;
}

/** Collects garbage, and runs what is to run after it. */
async function collected(): Promise<void> {
  for (let round = 0; round < 5; round += 1) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The native part of the stream, held here alone so that it can be released. */
let streamHandle: object | undefined;

/** The native part of a session that has been closed, with its one stream. */
async function closedSession(keep: boolean): Promise<WeakRef<object>> {
  const opened = Promise.withResolvers<WeakRef<object>>();
  const server = createServer().on("stream", (stream: ServerHttp2Stream) => {
    if (keep) keepSessionForStream(stream.session!, stream);
    streamHandle = handleOf(stream);
    opened.resolve(new WeakRef(handleOf(stream.session!)));
    stream.respond();
    stream.end();
  });
  const { port } = await listen(server);
  const peer = await rawHttp2Client(port);
  await peer.request(requestFields("GET", "/"), { endStream: true });
  const session = await opened.promise;
  peer.connection.destroy();
  await peer.connection.closed;
  return session;
}

test("a closed session is freed only after its streams", async () => {
  const session = await closedSession(true);
  await collected();
  expect(session.deref() === undefined).toBe(false);
  streamHandle = undefined;
  await expect.poll(async () => (await collected(), session.deref() === undefined)).toBe(true);
});

test("Node frees a closed session before a stream of it", async () => {
  const session = await closedSession(false);
  await expect.poll(async () => (await collected(), session.deref() === undefined)).toBe(true);
  expect(streamHandle).toBeDefined();
});
