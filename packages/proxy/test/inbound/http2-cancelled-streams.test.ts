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
  echoServer,
} from "@trailsum/testkit";
import { type Agent, Dispatcher, type Dispatcher as DispatcherTypes } from "undici";
import { expect, onTestFinished, test } from "vitest";

import { proxyServer, trailerAgent } from "../peers.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Never has an answer to `/silent`, and asks the origin for everything else. */
class SelectiveDispatcher extends Dispatcher {
  readonly #agent: Pick<Agent, "dispatch"> = trailerAgent();
  asked = 0;
  underWay = 0;

  override dispatch(options: DispatcherTypes.DispatchOptions, handler: DispatcherTypes.DispatchHandler): boolean {
    if (options.path !== "/silent") return this.#agent.dispatch(options, handler);
    this.asked += 1;
    this.underWay += 1;
    let aborted = false;
    const controller = {
      get aborted() {
        return aborted;
      },
      paused: false,
      reason: null,
      rawHeaders: null,
      rawTrailers: null,
      pause() {},
      resume() {},
      abort: (reason: Error) => {
        if (aborted) return;
        aborted = true;
        this.underWay -= 1;
        handler.onResponseError?.(controller, reason);
      },
    };
    handler.onRequestStart?.(controller, {});
    return true;
  }
}

const SILENT_PUT = encodeFields(requestFields("PUT", "/silent"));

/** Begins uploads and cancels them, a hundred at a time, each once the proxy has passed it on. */
async function storm(peer: Http2Peer, from: number, count: number): Promise<void> {
  for (let begun = 0; begun < count; begun += 100) {
    const ids = Array.from({ length: 100 }, (_, index) => from + (begun + index) * 2);
    await peer.send(...ids.flatMap((id) => [headersFrame(id, SILENT_PUT), dataFrame(id, Buffer.alloc(1000))]));
    await peer.ping();
    await peer.send(...ids.map((id) => resetFrame(id, errorCodes.CANCEL)));
  }
  await peer.ping();
}

test("10,000 cancelled uploads on one connection leave others alone, and nothing behind", async () => {
  const { origin } = await echoServer();
  const dispatcher = new SelectiveDispatcher();
  const { port, records } = await proxyServer({ target: origin, dispatcher });
  const [peer, other] = [await rawHttp2Client(port), await rawHttp2Client(port)];
  onTestFinished(() => {
    peer.connection.destroy();
    other.connection.destroy();
  });
  const underway = [await peer.request(requestFields("PUT", "/")), await other.request(requestFields("PUT", "/"))];
  const memory = async (from: number, count: number): Promise<number> => {
    await storm(peer, from, count);
    await expect.poll(() => records.length).toBe(count);
    records.length = 0;
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const before = await memory(3, 2000);
  const after = await memory(4003, 8000);
  expect([dispatcher.asked, dispatcher.underWay]).toEqual([10_000, 0]);
  // A kilobyte of each would be as much.
  expect(after - before).toBeLessThan(8 * 1024 * 1024);
  for (const stream of underway) {
    await stream.body("content", { endStream: true });
    await stream.untilEnd();
    expect([stream.status, stream.data.toString()]).toEqual([200, expect.stringContaining("content")]);
  }
  expect(peer.goaway).toBeUndefined();
});

test("a request that is reset in the octets that opened it is recorded, and reaches no origin", async () => {
  const dispatcher = new SelectiveDispatcher();
  const { port, records } = await proxyServer({ target: (await echoServer()).origin, dispatcher });
  const peer = await rawHttp2Client(port);
  await peer.send(headersFrame(1, SILENT_PUT), resetFrame(1, errorCodes.CANCEL));
  await expect.poll(() => records.map(({ error }) => error?.code)).toEqual(["ABORTED"]);
  expect(dispatcher.asked).toBe(0);
  peer.connection.destroy();
});
