import { clientGoneError, type InboundExchange, type InboundRequest } from "@trailsum/http/inbound";
import {
  createTrailerPolicy,
  FieldLines,
  type TrailerPolicyOptions,
  TrailsumError,
  type Verdict,
} from "@trailsum/shared";

import { admissionOf } from "./admission.ts";
import { originFailure, passedResetCode, failureResponse } from "./failure.ts";
import { observedRecord, reportExchange, unknownOutcome } from "./exchange-outcome.ts";
import { separateHeader } from "./hop-by-hop.ts";
import { OriginRequests } from "./origin-requests.ts";
import { roundTrip, type Switched, switchProtocols } from "./origin/round-trip.ts";
import { type OwnResponse, sendOwnResponse } from "./own-response.ts";
import { proxyStatus } from "./proxy-status.ts";
import { ProxiedExchange } from "./proxied-exchange.ts";
import { checkRequest } from "./request/check-request.ts";
import { finalRecipientResponse, maxForwards } from "./request/max-forwards.ts";
import type { OutboundPolicy } from "./request/outbound-request.ts";
import { s3FailureResponse } from "./s3/s3-failure.ts";
import { type OutboundContent, outboundContent, type RelayPolicy } from "./request/outbound-content.ts";
import { checkedMountPath } from "./request/outbound-target.ts";
import type { OriginResponse } from "./response/origin-response.ts";
import { type ProxyResponse, proxyResponse, responseHead } from "./response/proxy-response.ts";
import { relay } from "./response/relay.ts";
import type { ReverseProxyOptions } from "./reverse-proxy-options.ts";
import { joinSockets, notSwitched, switchedTo } from "./tunnel.ts";
import { responseVerification } from "./verification.ts";
import { Via } from "./via.ts";
import { WebSocketHandshake } from "./websocket-handshake.ts";

/** Passes exchanges on to origins, and their answers back. */
export interface Forwarder {
  /** The life of one exchange. Settles when that is done, and never rejects. */
  forward(exchange: InboundExchange): Promise<void>;
  /** Settles when no exchange is under way any more, and at the latest after `limit` milliseconds. */
  idle(limit: number): Promise<void>;
  /** Closes what was opened: idle connections to origins. */
  close(): Promise<void>;
}

/** A forwarder with the options of a reverse proxy. */
export function createForwarder(options: ReverseProxyOptions): Forwarder {
  const { modifyResponse, onExchange, verify = "off" } = options;
  const { errorHandler = options.s3Verify === undefined ? failureResponse : s3FailureResponse } = options;
  const bounds: TrailerPolicyOptions = {
    maxBytes: options.maxTrailerSize ?? 16_384,
    maxFields: options.maxTrailerFields ?? 128,
  };
  const requestTrailers = createTrailerPolicy({ ...bounds, select: options.requestTrailers ?? "integrity" });
  const responseTrailers = createTrailerPolicy({ ...bounds, select: options.responseTrailers ?? "all" });
  const via = new Via(options.via);
  const origins = new OriginRequests(options, {
    mountPath: checkedMountPath(options.mountPath),
    via,
    hostHeader: options.hostHeader ?? options.host ?? "target",
    forwarded: options.forwarded ?? "x-forwarded",
    trustsForwarded: trust(options.trustForwarded),
    trailers: requestTrailers,
    cleanQuery: options.cleanQuery === true,
  });
  const admit = admissionOf(options);
  const relayPolicy: RelayPolicy = {
    trailers: requestTrailers,
    mode: verify,
    replayBuffer: options.replayBuffer ?? 65_536,
    exclusive: origins.exclusive,
  };

  let closed: Promise<void> | undefined;
  let underWay = 0;
  let idling: PromiseWithResolvers<void> | undefined;

  /** The life of a request, from its head to the end of its response. */
  async function forward(exchange: InboundExchange): Promise<void> {
    const began = performance.now();
    underWay += 1;
    const record = observedRecord(exchange, onExchange);
    const outcome = record ?? unknownOutcome();
    const proxied = new ProxiedExchange(exchange, outcome, origins.capable);
    const { request } = exchange;
    let content: OutboundContent | undefined;
    try {
      // A stream of HTTP/2 can be reset in the octets that opened it.
      if (exchange.gone) throw clientGoneError();
      checkRequest(request);
      via.checkLoop(request.header);
      if (admit !== undefined) proxied.admitted = await admit(exchange);
      if (maxForwards(request) === 0) await answerItself(exchange, finalRecipientResponse(request));
      else if (request.upgrade === undefined) {
        content = outboundContent(proxied.admitted, relayPolicy, proxied);
        await answer(proxied, await reach(proxied, content));
      } else await switchOver(proxied, request.upgrade);
    } catch (error) {
      await fail(proxied, error);
    }
    exchange.conclude();
    if (content?.verdict !== undefined) outcome.requestVerdict = await verdictOrUndefined(content.verdict);
    if (proxied.verification?.verdict !== undefined)
      outcome.responseVerdict = await verdictOrUndefined(proxied.verification.verdict);
    proxied.end();
    const reporting = record && reportExchange(record, exchange, { began, onExchange });
    if (reporting !== undefined) await reporting;
    underWay -= 1;
    if (underWay === 0) idling?.resolve();
  }

  async function idle(limit: number): Promise<void> {
    if (underWay === 0) return;
    idling ??= Promise.withResolvers();
    const timer = setTimeout(idling.resolve, limit);
    await idling.promise;
    clearTimeout(timer);
  }

  /** Sends the request to an origin, and to another if the first was unreachable and the content is still complete. */
  function reach(proxied: ProxiedExchange, content: OutboundContent): Promise<OriginResponse> {
    return origins.send(proxied, content, (route, out) => roundTrip(route, out, content.open(), proxied));
  }

  /** Asks for another protocol. If the origin refuses, its response is forwarded like any other. */
  async function switchOver(proxied: ProxiedExchange, protocol: string): Promise<void> {
    const handshake = new WebSocketHandshake(proxied.exchange.request);
    const outcome = await origins.send(proxied, undefined, (route, out) => {
      out.header = handshake.asking(out.header);
      return switchProtocols(route, out, protocol, proxied);
    });
    if ("socket" in outcome) await join(proxied, outcome, { protocol, handshake });
    else await answer(proxied, notSwitched(outcome, proxied.exchange.request));
  }

  /** Gives the response back: head, content, trailers. */
  async function answer(proxied: ProxiedExchange, response: OriginResponse): Promise<void> {
    const { exchange } = proxied;
    const { request } = exchange;
    const separated = separateHeader(response.header);
    const outgoing = proxyResponse(response, separated, via);
    try {
      if (modifyResponse !== undefined) await modified(outgoing, request);
      const head = responseHead(outgoing, { request, origin: response, separated, policy: responseTrailers });
      if (!head.hasContent) {
        exchange.head(head);
        await drained(response);
        exchange.end(FieldLines.empty);
        await sent(exchange);
      } else {
        const verification = responseVerification(request, response, verify);
        proxied.begun = verification !== undefined;
        proxied.verification = verification;
        const policy = responseTrailers;
        await relay(response, exchange, outgoing, {
          head,
          separated,
          policy,
          verification,
          exclusive: origins.exclusive,
        });
      }
    } catch (error) {
      response.abandon(TrailsumError.from(error));
      throw error;
    }
  }

  async function modified(outgoing: ProxyResponse, request: InboundRequest): Promise<void> {
    try {
      await modifyResponse?.(outgoing, request);
    } catch (error) {
      if (error instanceof TrailsumError) throw error;
      const { message, cause } = TrailsumError.from(error);
      throw new TrailsumError("INTERNAL", message, { cause, status: 502 });
    }
  }

  /** The origin has switched: the client is informed, and bytes are forwarded unchanged from here on. */
  async function join(
    { exchange, outcome }: ProxiedExchange,
    switched: Switched,
    { protocol, handshake }: { readonly protocol: string; readonly handshake: WebSocketHandshake },
  ): Promise<void> {
    try {
      const outgoing = proxyResponse({ ...switched, reason: "" }, separateHeader(switched.header), via);
      const agreed = switchedTo(switched, protocol);
      outgoing.header = handshake.answering(outgoing.header, switched.status);
      await modified(outgoing, exchange.request);
      if (exchange.gone) throw clientGoneError();
      const client = exchange.switchTo(agreed, outgoing.header);
      outcome.status = exchange.request.httpVersion === "2.0" ? 200 : 101;
      await joinSockets(client, switched.socket, options.halfCloseTimeout ?? 10_000);
    } catch (error) {
      switched.socket.destroy();
      throw error;
    }
  }

  /** No response, or no end of one: the client is answered if that is still possible, and cut off if not. */
  async function fail({ exchange, outcome, begun }: ProxiedExchange, error: unknown): Promise<void> {
    const failure = originFailure(error, outcome.origin);
    outcome.error = failure;
    if (exchange.gone || begun || exchange.status !== undefined || failure.code === "ABORTED")
      exchange.abort(passedResetCode(failure));
    else {
      try {
        const response = await errorHandler(failure, exchange.request);
        const { header = FieldLines.empty } = response;
        const reported = header.has("Proxy-Status")
          ? header
          : header.with("Proxy-Status", proxyStatus(via.pseudonym, failure));
        await answerItself(exchange, { ...response, header: reported });
      } catch {
        exchange.abort();
      }
    }
  }

  async function answerItself(exchange: InboundExchange, response: OwnResponse): Promise<void> {
    sendOwnResponse(exchange, response);
    if (exchange.status !== undefined) await sent(exchange);
  }

  return { forward, idle, close: () => (closed ??= origins.close()) };
}

/** Settles when the last byte of a response has been handed to the system; rejects when that can no longer be. */
function sent(exchange: InboundExchange): Promise<void> {
  return new Promise((resolve, reject) => exchange.whenSent(resolve, reject));
}

/** The verdict; undefined for content that did not arrive whole. */
function verdictOrUndefined(verdict: Promise<Verdict>): Promise<Verdict | undefined> {
  return verdict.catch(() => undefined);
}

/**
 * A response without content still has to end, or its connection cannot be used again. One whose content a
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

function trust(given: ReverseProxyOptions["trustForwarded"]): OutboundPolicy["trustsForwarded"] {
  if (typeof given === "function") return (address) => address !== undefined && given(address);
  return () => given === true;
}
