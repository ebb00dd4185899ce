import { type Context, type Span, SpanKind, type SpanOptions, trace, type Tracer } from "@opentelemetry/api";
import { expect, test } from "vitest";

import { diagnostics, TrailsumError } from "../../src/index.ts";
import { recordSpans } from "../../src/tracing/index.ts";

/** A tracer that notes what it is asked for. */
function notingTracer(): { readonly tracer: Tracer; readonly notes: unknown[] } {
  const notes: unknown[] = [];
  const attributes: Record<string, unknown> = {};
  const span = {
    setAttribute(name: string, value: unknown) {
      attributes[name] = value;
      return span;
    },
    setStatus: (status: unknown) => void notes.push(status),
    end: () => void notes.push({ ...attributes }),
  };
  const startSpan = (name: string, options: SpanOptions, parent: Context): Span => {
    notes.push([name, options.kind, trace.getSpanContext(parent), options.attributes]);
    return span as unknown as Span;
  };
  return { tracer: { startSpan } as unknown as Tracer, notes };
}

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

test("a span begins and ends with its exchange, below the parent that the request names", () => {
  const { tracer, notes } = notingTracer();
  const recording = recordSpans({ tracer });
  const record = { by: "server", id: "1", method: "PUT", target: "/a?b=***", protocol: "http", traceparent };
  diagnostics.exchangeStart.publish(record);
  const error = new TrailsumError("NO_SPACE", "full");
  const verdict = { name: "verified" };
  Object.assign(record, { status: 507, received: 4, sent: 2, requestVerdict: verdict, mode: "header", error });
  diagnostics.exchangeEnd.publish(record);
  recording.stop();
  diagnostics.exchangeStart.publish(record);
  const spanContext = {
    traceId: traceparent.slice(3, 35),
    spanId: traceparent.slice(36, 52),
    traceFlags: 1,
    isRemote: true,
  };
  expect(notes).toEqual([
    ["PUT", SpanKind.SERVER, spanContext, expect.objectContaining({ "url.path": "/a", "url.query": "b=***" })],
    { code: 2, message: "full" },
    {
      "http.request.body.size": 4,
      "http.response.body.size": 2,
      "http.response.status_code": 507,
      "trailsum.verdict": "verified",
      "trailsum.delivery.mode": "header",
      "error.type": "NO_SPACE",
    },
  ]);
});

test("an exchange without a traceparent begins a trace of its own, and a refusal is no error of the server", () => {
  const { tracer, notes } = notingTracer();
  const recording = recordSpans({ tracer });
  const record = { by: "server", id: "1", method: "GET", target: "/", protocol: "http" };
  diagnostics.exchangeStart.publish(record);
  Object.assign(record, { status: 404, received: 0, sent: 2, error: new TrailsumError("NOT_FOUND", "none") });
  diagnostics.exchangeEnd.publish(record);
  recording.stop();
  expect(notes).toEqual([
    ["GET", SpanKind.SERVER, undefined, expect.anything()],
    expect.objectContaining({ "http.response.status_code": 404, "error.type": "NOT_FOUND" }),
  ]);
});
