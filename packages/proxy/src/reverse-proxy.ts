import { type IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

import { TrailerAgent } from "@trailsum/client";
import {
  createTrailerPolicy,
  FieldLines,
  type TrailerPolicyOptions,
  TrailsumError,
  type Verdict,
} from "@trailsum/shared";

import { beginRecord, type ExchangeRecord } from "./exchange-record.ts";
import { abandonResponse, answerFailure, blamesOrigin, mayGoElsewhere, originFailure } from "./failure.ts";
import { upgradeProtocol } from "./hop-by-hop.ts";
import { hasContent, type InboundRequest, inboundRequest, requireHost } from "./request/inbound-request.ts";
import { relayInterim } from "./response/interim-response.ts";
import type { OriginResponse } from "./response/origin-response.ts";
import { type OutboundPolicy, type OutboundRequest, outboundRequest } from "./request/outbound-request.ts";
import { type PassingContent, passingContent } from "./request/passing-content.ts";
import { proxyResponse, type ProxyResponse, responseFraming, sendHead } from "./response/proxy-response.ts";
import { relayContent } from "./response/relay.ts";
import type { ReverseProxyOptions } from "./reverse-proxy-options.ts";
import { type RoundTrip, roundTrip, type Switched, switchProtocols } from "./origin/round-trip.ts";
import { type Target, Targets, targetUrls } from "./origin/targets.ts";
import { sendSwitch, joinSockets, switchedTo } from "./tunnel.ts";
import { closeBehindAnswer, forgetRest } from "./request/unread-request.ts";
import { passingVerification, type VerificationMode } from "./verification.ts";

/** A request listener for node:http and for every framework that hands on Node's own request and response. */
export interface ReverseProxy {
  /** Passes a request on, and its answer back. Settles when that is done, and never rejects. */
  (req: IncomingMessage, res: ServerResponse): Promise<void>;
  /** The same for a server's `checkContinue` event: the client gets its 100 when the origin gives it. */
  readonly checkContinue: (req: IncomingMessage, res: ServerResponse) => Promise<void>;
  /** For a server's `upgrade` event: asks the origin to switch protocols, and joins the two connections when it does. */
  readonly upgrade: (req: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>;
  /** Closes what the proxy has opened itself: idle connections to origins. */
  close(): Promise<void>;
}

/**
 * A reverse proxy that keeps trailers, in both directions, and completes nothing that was cut short.
 *
 * What goes on is made anew from what was understood, never copied as it came. A hook that throws, and an origin that
 * cannot be reached or understood, go to `errorHandler`; once the response has begun they break it off.
 */
export function createReverseProxy(options: ReverseProxyOptions): ReverseProxy {
  const { rewrite, modifyResponse, errorHandler = defaultErrorHandler, onExchange, verify = "off" } = options;
  const own = options.dispatcher === undefined ? new TrailerAgent(options.agent) : undefined;
  const dispatcher = options.dispatcher ?? own!;
  // undici's own dispatchers send no trailers, and refuse to send an expectation.
  const capable = dispatcher instanceof TrailerAgent;
  const targets = new Targets(targetUrls(options.target), options.balance, options.health);
  const bounds: TrailerPolicyOptions = {
    maxBytes: options.maxTrailerSize ?? 16_384,
    maxFields: options.maxTrailerFields ?? 128,
  };
  const requestTrailers = createTrailerPolicy({ ...bounds, select: options.requestTrailers ?? "declared" });
  const responseTrailers = createTrailerPolicy({ ...bounds, select: options.responseTrailers ?? "all" });
  const outbound: OutboundPolicy = {
    host: options.host ?? "target",
    forwarded: options.forwarded ?? "x-forwarded",
    trustsForwarded: trust(options.trustForwarded),
    trailers: requestTrailers,
    sendsTrailers: capable,
  };

  let closed: Promise<void> | undefined;

  /** The life of a request, from its head to the end of its response. */
  async function serve(req: IncomingMessage, res: ServerResponse, waiting: boolean): Promise<void> {
    // Of several requests sent at once each begins when it is its turn to be answered.
    if (res.socket === null) await new Promise((resolve) => res.once("socket", resolve));
    const began = performance.now();
    const inbound = inboundRequest(req);
    const passage = new Passage(inbound, res, waiting && capable);
    const content = passingContent(inbound, {
      policy: requestTrailers,
      mode: verify,
      onBegin: () => waiting && passage.continue(),
    });
    try {
      requireHost(inbound);
      const response = await reach(passage, content);
      await answer(passage, response);
    } catch (error) {
      await fail(passage, error);
    }
    forgetRest(req);
    passage.record.requestVerdict = await content.verdict?.catch(() => undefined);
    await conclude(passage, began);
  }

  /** Sends the request to an origin, and to another one if the first was not there and nothing is lost by it. */
  async function reach(passage: Passage, content: PassingContent): Promise<OriginResponse> {
    return withTarget(passage, content, (out) => {
      const trip = roundTrip(out, content.outbound(), {
        dispatcher,
        expectContinue: passage.expects,
        onInterim: (status, header) => passage.interim(status, header),
      });
      passage.follow(trip);
      return trip.outcome;
    });
  }

  /** Gives the response back: head, content, trailers. */
  async function answer({ inbound, res, record }: Passage, response: OriginResponse): Promise<void> {
    const outgoing = proxyResponse(response);
    try {
      await modified(outgoing, inbound);
      const framing = responseFraming(res, outgoing, response.header);
      sendHead(res, outgoing, { framing, origin: response.header, policy: responseTrailers });
      if (!framing.hasContent) {
        await drained(response);
        res.end();
      } else {
        await relayContent(response, res, outgoing, {
          framing,
          policy: responseTrailers,
          verification: verificationOf(inbound, response, record, verify),
        });
      }
      await sent(res);
    } catch (error) {
      response.abandon(TrailsumError.from(error));
      throw error;
    }
  }

  async function modified(outgoing: ProxyResponse, inbound: InboundRequest): Promise<void> {
    try {
      await modifyResponse?.(outgoing, inbound);
    } catch (error) {
      if (error instanceof TrailsumError) throw error;
      const { message, cause } = TrailsumError.from(error);
      throw new TrailsumError("INTERNAL", message, { cause, status: 502 });
    }
  }

  /** Asks for another protocol. What the origin answers in place of it is passed back like any response. */
  async function upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const began = performance.now();
    const inbound = inboundRequest(req);
    const res = responseOn(req, socket);
    const protocol = upgradeProtocol(inbound.header);
    const passage = new Passage(inbound, res, false);
    socket.on("error", () => {});
    // Which it is only without TLS. The end of one direction is not the end of the other.
    if ("allowHalfOpen" in socket) socket.allowHalfOpen = true;
    try {
      requireHost(inbound);
      // Node has let go of the connection: what is content and what comes behind it can no longer be told apart.
      if (hasContent(inbound))
        throw new TrailsumError("PROTOCOL", "an upgrade that has content cannot be passed on", { status: 501 });
      const outcome = await withTarget(passage, undefined, (out) => {
        const exchange = { dispatcher, expectContinue: false, onInterim: passage.interim.bind(passage) };
        const trip: RoundTrip<OriginResponse | Switched> =
          protocol === undefined
            ? roundTrip(out, { body: null, length: undefined, trailers: undefined }, exchange)
            : switchProtocols(out, protocol, exchange);
        passage.follow(trip);
        return trip.outcome;
      });
      if ("socket" in outcome) await join(passage, outcome, { protocol: protocol!, client: socket, head });
      else await answer(passage, outcome);
    } catch (error) {
      await fail(passage, error);
    }
    await conclude(passage, began);
  }

  /** The origin has switched: so is the client told, and from here on bytes go through as they are. */
  async function join(
    { inbound, res, record }: Passage,
    switched: Switched,
    { protocol, client, head }: { protocol: string; client: Duplex; head: Buffer },
  ): Promise<void> {
    try {
      const outgoing = proxyResponse({ ...switched, reason: "" });
      const agreed = switchedTo(switched.header, protocol);
      await modified(outgoing, inbound);
      if (client.destroyed) throw new TrailsumError("ABORTED", "the client went away");
      res.detachSocket(client as never);
      sendSwitch(client, agreed, outgoing.header);
      record.status = 101;
      if (head.length > 0) switched.socket.write(head);
      await joinSockets(client, switched.socket);
    } catch (error) {
      switched.socket.destroy();
      throw error;
    }
  }

  /** Chooses a target, aims the request at it and sends it; tries others while that can do no harm. */
  async function withTarget<Outcome>(
    passage: Passage,
    content: PassingContent | undefined,
    send: (out: OutboundRequest) => Promise<Outcome>,
  ): Promise<Outcome> {
    const { inbound, record } = passage;
    const tried = new Set<Target>();
    let failure: TrailsumError | undefined;
    for (;;) {
      const target = targets.choose(tried);
      if (target === undefined)
        throw failure ?? new TrailsumError("CONNECT_FAILED", "no origin is available", { status: 503 });
      tried.add(target);
      const out = outboundRequest(inbound, target.url, outbound);
      if (rewrite !== undefined) await rewrite({ in: inbound, out });
      record.origin = out.origin;
      passage.hold(target);
      try {
        const outcome = await send(out);
        targets.succeeded(target);
        return outcome;
      } catch (error) {
        failure = originFailure(error, out.origin);
        if (blamesOrigin(failure)) targets.failed(target);
        if (content?.begun === true || !mayGoElsewhere(failure, inbound)) throw failure;
      }
    }
  }

  /** No response, or no end of one: the client is answered if that is still possible, and cut off if not. */
  async function fail({ inbound, res, record }: Passage, error: unknown): Promise<void> {
    record.error = originFailure(error, record.origin);
    if (res.destroyed || res.writableFinished || record.error.code === "ABORTED") res.destroy();
    else if (res.headersSent) abandonResponse(res);
    else {
      try {
        await errorHandler(record.error, inbound.message, res);
      } catch {
        abandonResponse(res);
      }
    }
  }

  /** Nothing hangs on the request any more, and whoever listens is told of it. */
  async function conclude(passage: Passage, began: number): Promise<void> {
    const { res, record } = passage;
    passage.end();
    if (res.headersSent) record.status = res.statusCode;
    record.duration = performance.now() - began;
    try {
      await onExchange?.(record);
    } catch {
      // Whoever listens cannot harm who is served.
    }
  }

  return Object.assign((req: IncomingMessage, res: ServerResponse) => serve(req, res, false), {
    checkContinue: (req: IncomingMessage, res: ServerResponse) => serve(req, res, true),
    upgrade,
    close: () => (closed ??= own?.close() ?? Promise.resolve()),
  });
}

/** One request on its way through, and what hangs on it until its response has ended. */
class Passage {
  readonly inbound: InboundRequest;
  readonly res: ServerResponse;
  readonly record: ExchangeRecord;
  /** Whether the origin is told that the client waits for a 100. */
  readonly expects: boolean;
  #continued = false;
  #trip: Pick<RoundTrip<unknown>, "abort"> | undefined;
  #target: Target | undefined;

  constructor(inbound: InboundRequest, res: ServerResponse, expects: boolean) {
    this.inbound = inbound;
    this.res = res;
    this.expects = expects;
    this.record = beginRecord(inbound);
    res.on("close", this.#onGone).on("error", () => {});
  }

  /** Its exchange with an origin: given up when the client goes away. */
  follow(trip: Pick<RoundTrip<unknown>, "abort">): void {
    this.#trip = trip;
    if (this.res.destroyed) this.#onGone();
  }

  /** Counts as under way with this target, and with no other. */
  hold(target: Target): void {
    this.#release();
    this.#target = target;
    target.active += 1;
  }

  /** Relays an interim response. */
  interim(status: number, header: FieldLines): void {
    if (status === 100 && this.#continued) return;
    this.#continued ||= status === 100;
    relayInterim(this.res, status, header);
  }

  /** Lets the content come: the origin has asked for it, or has not and it is sent all the same. */
  continue(): void {
    this.interim(100, FieldLines.empty);
  }

  end(): void {
    this.#release();
    this.res.off("close", this.#onGone);
  }

  #release(): void {
    if (this.#target !== undefined) this.#target.active -= 1;
    this.#target = undefined;
  }

  readonly #onGone = (): void => {
    if (!this.res.writableFinished) this.#trip?.abort(new TrailsumError("ABORTED", "the client went away"));
  };
}

/** How the content of a response is verified; its verdict is written down. */
function verificationOf(
  { method }: InboundRequest,
  response: OriginResponse,
  record: ExchangeRecord,
  mode: VerificationMode,
): Parameters<typeof relayContent>[3]["verification"] {
  if (mode === "off") return undefined;
  const { header, status } = response;
  // What answers another method than GET is not the resource's representation, and `Repr-Digest` does not speak of it: in
  // the answer to a PUT it tells what was stored (RFC 9530 section 3.2).
  const content = method === "GET" && status !== 206 ? "whole" : "part";
  return (trailers) => {
    const stream = passingVerification({ header, trailers, content }, mode);
    stream.verdict.then(
      (verdict: Verdict) => {
        record.responseVerdict = verdict;
      },
      () => {},
    );
    return stream;
  };
}

/** A response to a request whose connection Node has let go of, because it asked for an upgrade. */
function responseOn(req: IncomingMessage, socket: Duplex): ServerResponse {
  const res = new ServerResponse(req);
  res.shouldKeepAlive = false;
  res.assignSocket(socket as never);
  res.on("finish", () => closeBehindAnswer(socket));
  return res;
}

/**
 * A response without content still has to come to its end, or its connection cannot be used again. One whose content a
 * hook has taken away is not waited for.
 */
function drained(response: OriginResponse): Promise<void> {
  return new Promise((resolve, reject) => {
    const onContent = (): boolean => {
      resolve();
      response.abandon(new TrailsumError("ABORTED", "its content is not wanted"));
      return true;
    };
    response.consume({ onContent, onEnd: () => resolve(), onError: reject });
  });
}

/** Settles when the last byte of a response has been handed to the system, and rejects when that can no longer be. */
function sent(res: ServerResponse): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => {
      if (res.writableFinished) resolve();
      else reject(new TrailsumError("ABORTED", "the client went away"));
    };
    if (res.writableFinished || res.destroyed) onClose();
    else res.once("finish", resolve).once("close", onClose);
  });
}

function trust(given: ReverseProxyOptions["trustForwarded"]): OutboundPolicy["trustsForwarded"] {
  if (typeof given === "function") return (address) => address !== undefined && given(address);
  return () => given === true;
}

function defaultErrorHandler(error: TrailsumError, _req: IncomingMessage, res: ServerResponse): void {
  answerFailure(res, error);
}
