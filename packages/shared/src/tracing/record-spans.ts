import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";

import { diagnostics, type ExchangeMessage } from "../diagnostics.ts";

/** Options of {@link recordSpans}. */
export interface RecordSpansOptions {
  /** A `Tracer` of `@opentelemetry/api`. */
  readonly tracer: Tracer;
}

/** Spans that are being made. */
export interface SpanRecording {
  /** Begins no more spans, and leaves those that have begun without an end. */
  stop(): void;
}

/**
 * Makes a span of each exchange of the servers and proxies of this process, with attributes of OpenTelemetry's semantic
 * conventions for HTTP. Its parent is what the `traceparent` of the request names (W3C Trace Context), which a proxy
 * forwards as it came: its span and that of the server are siblings.
 *
 * ```js
 * import { trace } from "@opentelemetry/api";
 * import { recordSpans } from "@trailsum/shared/tracing";
 *
 * recordSpans({ tracer: trace.getTracer("trailsum") });
 * ```
 */
export function recordSpans({ tracer }: RecordSpansOptions): SpanRecording {
  const spans = new WeakMap<ExchangeMessage, Span>();
  const onStart = (message: unknown): void => {
    const record = message as ExchangeMessage;
    const [path, query] = record.target.split("?", 2) as [string, string?];
    const span = tracer.startSpan(
      record.method,
      {
        kind: SpanKind.SERVER,
        startTime: record.time,
        attributes: {
          "http.request.method": record.method,
          "url.path": path,
          "url.scheme": record.protocol,
          "network.protocol.version": record.httpVersion,
          "trailsum.request.id": record.id,
          ...(query !== undefined && { "url.query": query }),
          ...(record.remoteAddress !== undefined && { "network.peer.address": record.remoteAddress }),
        },
      },
      parentOf(record),
    );
    spans.set(record, span);
  };
  const onEnd = (message: unknown): void => {
    const record = message as ExchangeMessage;
    const span = spans.get(record);
    if (span === undefined) return;
    const { status, received, sent, requestVerdict, mode, origin, error } = record;
    span.setAttribute("http.request.body.size", received).setAttribute("http.response.body.size", sent);
    if (status !== undefined) span.setAttribute("http.response.status_code", status);
    if (requestVerdict !== undefined) span.setAttribute("trailsum.verdict", requestVerdict.name);
    if (mode !== undefined) span.setAttribute("trailsum.delivery.mode", mode);
    if (origin !== undefined) span.setAttribute("trailsum.origin", origin);
    if (error !== undefined) span.setAttribute("error.type", error.code);
    // A refusal is not a fault of the server that gives it.
    if (status === undefined || status >= 500) {
      span.setStatus({ code: SpanStatusCode.ERROR, ...(error !== undefined && { message: error.message }) });
    }
    span.end();
  };
  diagnostics.exchangeStart.subscribe(onStart);
  diagnostics.exchangeEnd.subscribe(onEnd);
  return {
    stop() {
      diagnostics.exchangeStart.unsubscribe(onStart);
      diagnostics.exchangeEnd.unsubscribe(onEnd);
    },
  };
}

/** A record has only a well-formed `traceparent`. */
function parentOf({ traceparent }: ExchangeMessage): Context {
  if (traceparent === undefined) return ROOT_CONTEXT;
  const [, traceId = "", spanId = "", flags = ""] = traceparent.split("-");
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
  });
}
