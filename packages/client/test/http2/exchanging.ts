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

/** The events of one exchange. */
export interface Reported {
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
  readonly reported: Reported;
  /** Once it has ended, one way or the other. */
  readonly ended: Promise<Reported>;
}

/** Sends a request, and records the events of its handler. */
export function send(
  dispatcher: Dispatcher,
  server: Pick<RawHttp2Server, "origin">,
  options: Partial<TrailerDispatchOptions> = {},
  onHead: (controller: Dispatcher.DispatchController) => void = () => {},
): Exchanging {
  const reported: Reported = { interim: [], content: "" };
  const { promise, resolve } = Promise.withResolvers<Reported>();
  let controller!: Dispatcher.DispatchController;
  dispatcher.dispatch({ origin: server.origin, path: "/", method: "GET", ...options } as Dispatcher.DispatchOptions, {
    onRequestStart(given) {
      controller = given;
    },
    onRequestUpgrade(_controller, status, _headers, socket) {
      reported.status = status;
      reported.raw = controller.rawHeaders as string[];
      reported.tunnel = socket;
      resolve(reported);
    },
    onResponseStart(_controller, status) {
      const raw = controller.rawHeaders as string[];
      if (status < 200) reported.interim.push([status, raw]);
      else Object.assign(reported, { status, raw });
      if (status >= 200) onHead(controller);
    },
    onResponseData(_controller, chunk) {
      reported.content += chunk.toString("latin1");
    },
    onResponseEnd() {
      reported.trailers = controller.rawTrailers as string[];
      resolve(reported);
    },
    onResponseError(_controller, error) {
      reported.error = error;
      resolve(reported);
    },
  });
  return { controller, reported, ended: deadline(promise, () => "the exchange did not end") };
}
