import {
  diagnostics,
  type ExchangeProgress,
  type ExchangeRecord,
  type FieldLines,
  followProgress,
  redactedTarget,
} from "@trailsum/shared";

import type { InboundExchange } from "./inbound-exchange.ts";
import type { RequestTarget } from "./request-target.ts";

/** A record while its exchange lasts: each event is recorded as it happens. */
export type OpenRecord = { -readonly [Member in keyof ExchangeRecord]: ExchangeRecord[Member] };

const { exchangeStart, exchangeEnd } = diagnostics;

/** Whether anything subscribes to exchanges: without it no record need be made. */
export function exchangesObserved(): boolean {
  return exchangeStart.hasSubscribers || exchangeEnd.hasSubscribers;
}

/** Begins the record of an exchange whose request has just come, and publishes it. */
export function beginRecord(by: ExchangeRecord["by"], exchange: InboundExchange): OpenRecord {
  const { request } = exchange;
  const { header, method, target, httpVersion, protocol, remoteAddress } = request;
  const record: OpenRecord = {
    by,
    id: requestId(header.get("X-Request-Id")),
    time: new Date(),
    remoteAddress,
    method,
    target: shownTarget(target),
    httpVersion,
    protocol,
    traceparent: wellFormed(TRACEPARENT, header.get("traceparent")),
    status: undefined,
    received: 0,
    sent: 0,
    duration: 0,
    requestVerdict: undefined,
    responseVerdict: undefined,
    mode: undefined,
    origin: undefined,
    path: undefined,
    created: undefined,
    error: undefined,
  };
  if (exchangeStart.hasSubscribers) {
    followProgress(record, () => progressOf(exchange, header));
    exchangeStart.publish(record);
  }
  return record;
}

function progressOf({ contentReceived, contentSent }: InboundExchange, header: FieldLines): ExchangeProgress {
  const length = header.get("Content-Length") ?? "";
  return {
    received: contentReceived,
    sent: contentSent,
    expected: /^\d{1,15}$/.test(length) ? Number(length) : undefined,
  };
}

/** Brings a record up to date: status, bytes and duration. `began` is a time of `performance.now`. */
export function updateRecord(record: OpenRecord, exchange: InboundExchange, began: number): void {
  record.status ??= exchange.status;
  record.received = exchange.contentReceived;
  record.sent = exchange.contentSent;
  record.duration = performance.now() - began;
}

/** Publishes a record that is complete. */
export function endRecord(record: OpenRecord): void {
  if (exchangeEnd.hasSubscribers) exchangeEnd.publish(record);
}

/** W3C Trace Context, section 3.2: version, trace id, parent id, flags. An id of zeros is invalid. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** What a client may choose as the id of its request: nothing that could steer a terminal or hide in a log. */
const REQUEST_ID = /^[\w.:/+=-]{1,64}$/;

function wellFormed(syntax: RegExp, value: string | undefined): string | undefined {
  return value !== undefined && syntax.test(value) ? value : undefined;
}

/** Differs between processes that write to one log. */
const PROCESS = `${process.pid.toString(36)}${Date.now().toString(36)}`;
let requests = 0;

function requestId(given: string | undefined): string {
  const chosen = wellFormed(REQUEST_ID, given);
  if (chosen !== undefined) return chosen;
  requests += 1;
  return `${PROCESS}-${requests.toString(36)}`;
}

function shownTarget({ authority, path, query }: RequestTarget): string {
  const shown = redactedTarget(query === undefined ? path : `${path}?${query}`);
  return authority === undefined ? shown : `//${authority.slice(authority.lastIndexOf("@") + 1)}${shown}`;
}
