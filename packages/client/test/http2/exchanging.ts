import type { Duplex } from "node:stream";

import { deadline, type Http2Peer, type Http2Stream, type RawHttp2Server } from "@trailsum/testkit";
import type { Dispatcher } from "undici";
import { onTestFinished } from "vitest";

import { TrailerAgent, type TrailerAgentOptions, type TrailerDispatchOptions } from "../../src/index.ts";

/** An agent that speaks HTTP/2 without TLS, destroyed when the test ends. */
export function http2Agent(options: TrailerAgentOptions = {}): TrailerAgent {
  const agent = new TrailerAgent({ useH2c: true, ...options });
  onTestFinished(() => agent.destroy());
  return agent;
}

/** Answers each request that comes, as long as the connection lasts. */
export async function answerEach(peer: Http2Peer, answer: (stream: Http2Stream) => Promise<unknown>): Promise<void> {
  for (;;) {
    const stream = await peer.accept(600_000).catch(() => undefined);
    if (stream === undefined) return;
    void answer(stream).catch(() => {});
  }
}

/** What a handler was told of one exchange. */
export interface Told {
  readonly interim: (readonly [status: number, raw: readonly string[]])[];
  status?: number;
  raw?: readonly string[];
  /** latin1. */
  content: string;
  /** After the end, and only then. */
  trailers?: readonly string[];
  error?: Error & { readonly code?: string; readonly http2ErrorCode?: number };
  /** After an upgrade. */
  tunnel?: Duplex;
}

/** An exchange under way. */
export interface Exchanging {
  readonly controller: Dispatcher.DispatchController;
  /** So far. */
  readonly told: Told;
  /** Once it has ended, one way or the other. */
  readonly ended: Promise<Told>;
}

/** Sends a request, and notes what its handler is told. */
export function send(
  dispatcher: Dispatcher,
  server: Pick<RawHttp2Server, "origin">,
  options: Partial<TrailerDispatchOptions> = {},
  onHead: (controller: Dispatcher.DispatchController) => void = () => {},
): Exchanging {
  const told: Told = { interim: [], content: "" };
  const { promise, resolve } = Promise.withResolvers<Told>();
  let controller!: Dispatcher.DispatchController;
  dispatcher.dispatch({ origin: server.origin, path: "/", method: "GET", ...options } as Dispatcher.DispatchOptions, {
    onRequestStart(given) {
      controller = given;
    },
    onRequestUpgrade(_controller, status, _headers, socket) {
      told.status = status;
      told.raw = controller.rawHeaders as string[];
      told.tunnel = socket;
      resolve(told);
    },
    onResponseStart(_controller, status) {
      const raw = controller.rawHeaders as string[];
      if (status < 200) told.interim.push([status, raw]);
      else Object.assign(told, { status, raw });
      if (status >= 200) onHead(controller);
    },
    onResponseData(_controller, chunk) {
      told.content += chunk.toString("latin1");
    },
    onResponseEnd() {
      told.trailers = controller.rawTrailers as string[];
      resolve(told);
    },
    onResponseError(_controller, error) {
      told.error = error;
      resolve(told);
    },
  });
  return { controller, told, ended: deadline(promise, () => "the exchange did not end") };
}
