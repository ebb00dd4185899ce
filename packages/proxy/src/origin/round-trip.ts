import type { Duplex, Readable } from "node:stream";

import { FieldLines } from "@trailsum/shared";
import type { Dispatcher } from "undici";

import { IncomingResponse, type OriginResponse } from "../response/origin-response.ts";
import type { OutboundRequest } from "../request/outbound-request.ts";

/** What goes with the head of a request. */
export interface OutboundContent {
  readonly body: Readable | null;
  /** The number of bytes, where it is known and nothing follows them. */
  readonly length: number | undefined;
  /** Called after the last byte. */
  readonly trailers: (() => FieldLines) | undefined;
}

/** How an exchange with an origin is watched and bounded. */
export interface RoundTripOptions {
  readonly dispatcher: Dispatcher;
  /** Whether the client waits for a 100 before it sends its content. */
  readonly expectContinue: boolean;
  /** Each interim response (1xx) but 101, in order. */
  readonly onInterim: (status: number, header: FieldLines) => void;
}

/** What came of asking to switch protocols: the origin switched, or it answered like any other. */
export interface Switched {
  readonly status: number;
  readonly header: FieldLines;
  readonly socket: Duplex;
}

/** An exchange under way. */
export interface RoundTrip<Outcome> {
  /** The head of the final response; rejects when there is none. */
  readonly outcome: Promise<Outcome>;
  /** Gives it up, at whatever point it is. */
  abort(reason: Error): void;
}

/** Sends a request to its origin. */
export function roundTrip(
  out: OutboundRequest,
  content: OutboundContent,
  options: RoundTripOptions,
): RoundTrip<OriginResponse> {
  // Without a protocol to switch to there is nothing else that it could come to.
  return dispatch(out, content, options, undefined) as RoundTrip<OriginResponse>;
}

/** Asks an origin to switch to `protocol`. It may answer like to any other request. */
export function switchProtocols(
  out: OutboundRequest,
  protocol: string,
  options: RoundTripOptions,
): RoundTrip<OriginResponse | Switched> {
  return dispatch(out, { body: null, length: undefined, trailers: undefined }, options, protocol);
}

function dispatch(
  out: OutboundRequest,
  content: OutboundContent,
  options: RoundTripOptions,
  upgrade: string | undefined,
): RoundTrip<OriginResponse | Switched> {
  const { promise, resolve, reject } = Promise.withResolvers<OriginResponse | Switched>();
  let controller: Dispatcher.DispatchController | undefined;
  let abortedBy: Error | undefined;
  let response: IncomingResponse | undefined;

  const headers = [...out.header.raw];
  if (out.host !== undefined) headers.push("Host", out.host);
  if (content.length !== undefined) headers.push("Content-Length", String(content.length));
  if (options.expectContinue) headers.push("Expect", "100-continue");

  options.dispatcher.dispatch(
    {
      origin: out.origin,
      path: out.target,
      method: out.method,
      headers,
      body: content.body,
      trailers: content.trailers,
      ...(upgrade === undefined ? {} : { upgrade }),
    },
    {
      onRequestStart(given) {
        controller = given;
        if (abortedBy !== undefined) given.abort(abortedBy);
      },
      onResponseStart(given, status, _headers, reason = "") {
        const header = rawFieldLines(given.rawHeaders);
        if (status < 200) {
          options.onInterim(status, header);
          return;
        }
        response = new IncomingResponse(given, status, header, reason);
        resolve(response);
      },
      onResponseData(_given, chunk) {
        response?.content(chunk);
      },
      onResponseEnd(given) {
        response?.ended(rawFieldLines(given.rawTrailers));
      },
      onRequestUpgrade(given, status, _headers, socket) {
        // The end of one direction is not the end of the other.
        if ("allowHalfOpen" in socket) socket.allowHalfOpen = true;
        resolve({ status, header: rawFieldLines(given.rawHeaders), socket });
      },
      onResponseError(_given, error) {
        if (response === undefined) reject(error);
        else response.failed(error);
      },
    },
  );
  return {
    outcome: promise,
    abort(reason) {
      abortedBy ??= reason;
      controller?.abort(reason);
    },
  };
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
