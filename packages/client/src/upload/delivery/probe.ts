import { setTimeout as sleep } from "node:timers/promises";

import { type FieldLine, TrailsumError } from "@trailsum/shared";
import type { Dispatcher } from "undici";

import type { FieldsInit } from "../../dispatcher/request-fields.ts";
import { defaultDispatcher } from "../../transfer/default-dispatcher.ts";
import { type Hop, nextHop } from "../../transfer/redirects.ts";
import { targetUrl } from "../../transfer/target-url.ts";
import { transportError } from "../../transfer/transport-error.ts";
import { creationFields, uploadRequest, type UploadRequesting } from "../upload-resource-requests.ts";
import type { DeliveryMode } from "./delivery-mode.ts";
import { planDelivery } from "./plan-delivery.ts";
import { exchangeProbe, type InterimPassage, type ProbeExchange } from "./probe-exchange.ts";
import { type ProbedPath, probePath } from "./probe-path.ts";
import { inTime } from "./question-time.ts";

/** Options of {@link probe}. */
export interface ProbeOptions {
  /** Further header fields: what a write needs. */
  readonly headers?: FieldsInit;
  /** Cancels the probe: it then rejects with `ABORTED`. */
  readonly signal?: AbortSignal;
  /** The dispatcher that sends the requests: a `TrailerAgent`, or one composed from it. */
  readonly dispatcher?: Dispatcher;
}

/** What survives the path to a trailsum server and back. Undefined where it could not be seen. */
export interface PathReport {
  /** Whether a trailsum server has answered the probes. Of another only `uploadResources` and `delivery` are known. */
  readonly trailsum: boolean;
  /** What happens to request trailers. */
  readonly trailersUp: ProbedPath["passage"];
  /** Whether the trailers of a response arrive. */
  readonly trailersDown: boolean | undefined;
  /** What happens to interim responses other than 100: a 104 says where an upload can be resumed. */
  readonly interim: InterimPassage | undefined;
  /** Whether `Expect: 100-continue` gets to the server, and a 100 comes back. */
  readonly expect: boolean | undefined;
  /** Whether a response can begin before its request has ended. */
  readonly fullDuplex: boolean | undefined;
  /** Whether content reaches the server before the request is complete. */
  readonly streaming: boolean | undefined;
  /** Whether the server has upload resources, and PATCH and its fields get there. */
  readonly twoStep: boolean | undefined;
  /** Whether the server announces upload resources. */
  readonly uploadResources: boolean;
  /** The version of HTTP to the first hop. */
  readonly clientVersion: string | undefined;
  /** The version of HTTP in which requests get to the server. */
  readonly serverVersion: string | undefined;
  /** How a pipe is delivered on this path; undefined if it cannot be. */
  readonly delivery: { readonly mode: DeliveryMode | undefined; readonly reason: string };
}

/** How long the rest of a probe is held back, for the server to see whether its beginning arrives before. Milliseconds. */
const HELD_BACK = 1_000;

/**
 * Finds out what survives the path to the server at `url` and back, by a handful of small requests that store nothing. A
 * server that is not known to be trailsum gets an OPTIONS with empty content and a trailer, and nothing else.
 *
 * Rejects with a `TrailsumError` if no request gets there, or if the server refuses probes (`REFUSED`).
 */
export async function probe(url: string | URL, options: ProbeOptions = {}): Promise<PathReport> {
  const { headers, signal, dispatcher = defaultDispatcher() } = options;
  const hop: Hop = { url: targetUrl(url), trusted: true };
  const requesting = { dispatcher, headers, signal };
  try {
    const { passage, evidence, support } = await probePath(hop, requesting);
    const to = support.probe && nextHop(hop, support.probe);
    const seen = to && (await probeTheRest(to, requesting));
    const step = planDelivery({
      asked: "auto",
      origin: hop.url.origin,
      rereadable: false,
      whole: false,
      trailers: passage,
      evidence,
      support,
      failure: undefined,
    });
    return {
      ...(seen ?? NOT_SEEN),
      twoStep: seen && seen.twoStep && support.uploadResources,
      uploadResources: support.uploadResources,
      trailersUp: passage,
      delivery: {
        mode: step.step === "send" ? step.mode : undefined,
        reason: step.step === "send" ? step.reason : step.step === "give up" ? step.error.message : step.step,
      },
    };
  } catch (error) {
    if (signal?.aborted === true) throw new TrailsumError("ABORTED", "the probe was cancelled", { cause: error });
    throw transportError(error, hop.url);
  }
}

type Seen = Omit<PathReport, "trailersUp" | "uploadResources" | "delivery">;

const NOT_SEEN: Seen = {
  trailsum: false,
  trailersDown: undefined,
  interim: undefined,
  expect: undefined,
  fullDuplex: undefined,
  streaming: undefined,
  twoStep: undefined,
  clientVersion: undefined,
  serverVersion: undefined,
};

/** Everything that needs no request trailers, which may end a connection. */
async function probeTheRest(to: Hop, requesting: UploadRequesting): Promise<Seen> {
  const plain = await send(to, requesting, {
    fields: [["TE", "trailers"], ...creationFields({ complete: true, interim: true })],
  });
  if (plain === undefined || plain.status !== 200)
    throw new TrailsumError("REFUSED", `${to.url.origin}: a probe was answered ${plain?.status ?? "not at all"}`);
  const expecting = await send(to, requesting, { expectContinue: true });
  const patch = await send(to, requesting, {
    method: "PATCH",
    fields: [["Repr-Digest", "md5=:AAAAAAAAAAAAAAAAAAAAAA==:"], ...creationFields({ complete: true, interim: true })],
  });
  const { fullDuplex, streaming } = await probeStreaming(to, requesting);
  const arrived = patch?.report?.fields ?? [];
  return {
    trailsum: plain.report !== undefined,
    trailersDown: plain.trailers,
    interim: plain.interim,
    expect: expecting?.report?.fields.includes("expect") === true && expecting.continued,
    fullDuplex,
    streaming,
    twoStep:
      patch?.report?.method === "PATCH" && arrived.includes("upload-complete") && arrived.includes("repr-digest"),
    clientVersion: plain.httpVersion,
    serverVersion: plain.report?.httpVersion,
  };
}

/** Holds the end of a probe back until its response has begun, or for a while. */
async function probeStreaming(
  to: Hop,
  requesting: UploadRequesting,
): Promise<{ readonly fullDuplex: boolean; readonly streaming: boolean }> {
  const begun = Promise.withResolvers<boolean>();
  let fullDuplex = false;
  async function* content(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("trail");
    const waited = new AbortController();
    const timer = sleep(HELD_BACK, false, { signal: waited.signal }).catch(() => false);
    fullDuplex = await Promise.race([begun.promise, timer]);
    waited.abort();
    yield Buffer.from("sum");
  }
  const early = { ...to, url: new URL("?early", to.url) };
  const body = content() as unknown as NonNullable<Dispatcher.DispatchOptions["body"]>;
  const exchange = await send(early, requesting, { body, onHead: () => begun.resolve(true) });
  const apart = exchange?.report?.contentTime ?? 0;
  return { fullDuplex, streaming: fullDuplex || apart > HELD_BACK / 2 };
}

interface Probing {
  readonly method?: "POST" | "PATCH";
  readonly fields?: readonly FieldLine[];
  readonly expectContinue?: boolean;
  readonly body?: Dispatcher.DispatchOptions["body"];
  readonly onHead?: () => void;
}

/** Sends one probe; undefined if the path did not carry it. */
async function send(
  to: Hop,
  requesting: UploadRequesting,
  { method = "POST", fields = [], expectContinue = false, body = Buffer.from("trailsum"), onHead }: Probing,
): Promise<ProbeExchange | undefined> {
  const request = {
    ...uploadRequest(to, method, requesting, fields),
    body,
    expectContinue,
  };
  try {
    return await inTime(to, requesting, ({ dispatcher, signal }) =>
      exchangeProbe(dispatcher, request, { signal, ...(onHead === undefined ? {} : { onHead }) }),
    );
  } catch (error) {
    const { code } = transportError(error, to.url);
    if (code === "CONNECTION_LOST" || code === "PROTOCOL" || code === "TIMEOUT") return undefined;
    throw error;
  }
}
