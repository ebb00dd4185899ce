import type { IncomingHttpHeaders } from "node:http";
import type { Duplex, Readable } from "node:stream";

import { FieldLines } from "@trailsum/shared";
import type { Dispatcher } from "undici";

import { httpVersionOf, IncomingResponse, type OriginResponse } from "../response/origin-response.ts";
import { NO_OUTBOUND_BODY, type OutboundBody } from "../request/outbound-body.ts";
import type { OutboundRequest } from "../request/outbound-request.ts";

/** Observes a request until its response begins. */
export interface RoundTripObserver {
  /** Whether a 100 is waited for before the content is sent. */
  readonly expectContinue: boolean;
  /** The origin could be connected to. */
  onReached(): void;
  /** Each interim response (1xx) but 101, in order. */
  onInterim(status: number, header: FieldLines): void;
}

/** The result of asking to switch protocols: the origin switched, or sent an ordinary response. */
export interface Switched {
  readonly status: number;
  readonly header: FieldLines;
  readonly httpVersion: "1.1" | "2.0";
  readonly socket: Duplex;
}

/** What takes a request to its origin. */
export interface OriginRoute {
  readonly dispatcher: Dispatcher;
  /** Whether the connection is closed afterwards, since no other request may use it. */
  readonly closes: boolean;
}

/** An exchange under way. */
export interface RoundTrip<Outcome> {
  /** The head of the final response; rejects without a response. */
  readonly outcome: Promise<Outcome>;
  /** Aborts it, in any state. */
  abort(reason: Error): void;
}

/** Sends a request to its origin. */
export function roundTrip(
  route: OriginRoute,
  out: OutboundRequest,
  content: OutboundBody,
  observer: RoundTripObserver,
): RoundTrip<OriginResponse> {
  const dispatched = new OriginDispatchHandler(content, observer);
  dispatched.send(route, out, content, undefined);
  // Without a protocol to switch to there is nothing else that it could come to.
  return dispatched as RoundTrip<unknown> as RoundTrip<OriginResponse>;
}

/** Asks an origin to switch to `protocol`. It may answer like to any other request. */
export function switchProtocols(
  route: OriginRoute,
  out: OutboundRequest,
  protocol: string,
  observer: RoundTripObserver,
): RoundTrip<OriginResponse | Switched> {
  const dispatched = new OriginDispatchHandler(NO_OUTBOUND_BODY, observer);
  dispatched.send(route, out, NO_OUTBOUND_BODY, protocol);
  return dispatched;
}

/** A request that has been given to a dispatcher, and what the dispatcher reports about it. */
class OriginDispatchHandler implements RoundTrip<OriginResponse | Switched>, Dispatcher.DispatchHandler {
  readonly outcome: Promise<OriginResponse | Switched>;
  readonly #observer: RoundTripObserver;
  readonly #onSent: OutboundBody["onSent"];
  #resolve!: (outcome: OriginResponse | Switched) => void;
  #reject!: (error: Error) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #abortedBy: Error | undefined;
  #response: IncomingResponse | undefined;

  constructor({ onSent }: OutboundBody, observer: RoundTripObserver) {
    this.#observer = observer;
    this.#onSent = onSent;
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  send(
    { dispatcher, closes }: OriginRoute,
    out: OutboundRequest,
    content: OutboundBody,
    upgrade: string | undefined,
  ): void {
    const headers = [...out.header.raw];
    if (out.host !== undefined) headers.push("Host", out.host);
    if (content.length !== undefined) headers.push("Content-Length", String(content.length));
    if (this.#observer.expectContinue) headers.push("Expect", "100-continue");
    const request = {
      origin: out.origin,
      path: out.target,
      method: out.method,
      headers,
      // Dispatchers accept every iterable; their types do not.
      body: content.body as Readable | Buffer | null,
      trailers: content.trailers,
      rawFields: true,
      finishRequest: content.finishes,
      onBodyReleased: content.onReleased,
      reset: closes,
    };
    dispatcher.dispatch(upgrade === undefined ? request : { ...request, upgrade }, this);
  }

  abort(reason: Error): void {
    this.#abortedBy ??= reason;
    this.#controller?.abort(reason);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#abortedBy !== undefined) controller.abort(this.#abortedBy);
  }

  onBodySent(): void {
    this.#observer.onReached();
  }

  onRequestSent(): void {
    this.#observer.onReached();
    this.#onSent?.();
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: IncomingHttpHeaders,
    reason = "",
  ): void {
    this.#observer.onReached();
    const header = rawFieldLines(controller.rawHeaders);
    if (status < 200) {
      this.#observer.onInterim(status, header);
      return;
    }
    this.#response = new IncomingResponse(controller, status, header, reason);
    this.#resolve(this.#response);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#response?.content(chunk);
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    this.#response?.ended(rawFieldLines(controller.rawTrailers));
  }

  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: IncomingHttpHeaders,
    socket: Duplex,
  ): void {
    this.#observer.onReached();
    // The end of one direction is not the end of the other.
    if ("allowHalfOpen" in socket) socket.allowHalfOpen = true;
    const header = rawFieldLines(controller.rawHeaders);
    this.#resolve({ status, header, httpVersion: httpVersionOf(controller), socket });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#response === undefined) this.#reject(error);
    else this.#response.failed(error);
  }
}

/** undici gives raw fields as a flat list, or over HTTP/2 as an object. */
function rawFieldLines(raw: Dispatcher.DispatchController["rawHeaders"]): FieldLines {
  if (raw === null || raw === undefined) return FieldLines.empty;
  if (Array.isArray(raw)) return FieldLines.fromRaw(raw);
  return FieldLines.from(
    Object.entries(raw).flatMap(([name, value]) =>
      value === undefined ? [] : [value].flat().map((one): [string, string] => [name, one]),
    ),
  );
}
