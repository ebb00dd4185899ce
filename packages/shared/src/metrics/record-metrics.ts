import type { Channel } from "node:diagnostics_channel";

import {
  diagnostics,
  type ExchangeMessage,
  type TrailersDroppedMessage,
  type TransferMessage,
  type UploadsMessage,
} from "../diagnostics.ts";
import { exchangeAttributes, transfersOf } from "./exchange-attributes.ts";
import type { MetricsMeter } from "./meter.ts";

/** Options of {@link recordMetrics}. */
export interface RecordMetricsOptions {
  /** Where measurements go: a `Meter` of `@opentelemetry/api` will do. */
  readonly meter: MetricsMeter;
}

/** Measurements that are being made. */
export interface MetricsRecording {
  /** Measures no more. What was measured stays with the meter. */
  stop(): void;
}

/** Seconds: from a small answer of a local server to an upload of hours. */
const DURATIONS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200];

/**
 * Makes metrics of what the servers, proxies and clients of this process publish on the diagnostics channels. Begin before
 * they listen: what goes up and down counts from here. No dimension has values that a client makes up.
 *
 * ```js
 * import { metrics } from "@opentelemetry/api";
 * import { recordMetrics } from "@trailsum/shared/metrics";
 *
 * recordMetrics({ meter: metrics.getMeter("trailsum") });
 * ```
 */
export function recordMetrics({ meter }: RecordMetricsOptions): MetricsRecording {
  const exchanges = meter.createCounter("trailsum.exchanges", {
    description: "Requests that a server or proxy has answered or given up",
    unit: "{exchange}",
    advice: { attributeKeys: ["by", "method", "status"] },
  });
  const durations = meter.createHistogram("trailsum.exchange.duration", {
    description: "Time from the head of a request to the end of its response",
    unit: "s",
    advice: { attributeKeys: ["by", "method", "status"], explicitBucketBoundaries: DURATIONS },
  });
  const transfers = meter.createCounter("trailsum.transfers", {
    description: "Content that was transferred, by verdict, direction and delivery mode",
    unit: "{transfer}",
    advice: { attributeKeys: ["by", "direction", "verdict", "mode"] },
  });
  const content = meter.createCounter("trailsum.content", {
    description: "Bytes of content, without framing",
    unit: "By",
    advice: { attributeKeys: ["by", "direction"] },
  });
  const transferDurations = meter.createHistogram("trailsum.transfer.duration", {
    description: "Time that a client took for an upload or a download",
    unit: "s",
    advice: { attributeKeys: ["direction"], explicitBucketBoundaries: DURATIONS },
  });
  const connections = meter.createUpDownCounter("trailsum.connections", {
    description: "Open connections of clients",
    unit: "{connection}",
    advice: { attributeKeys: [] },
  });
  const dropped = meter.createCounter("trailsum.trailers.dropped", {
    description: "Trailer fields that a proxy's policy has left out",
    unit: "{field}",
    advice: { attributeKeys: ["direction"] },
  });
  const uploads = meter.createUpDownCounter("trailsum.uploads.unfinished", {
    description: "Upload resources that are not complete",
    unit: "{upload}",
    advice: { attributeKeys: [] },
  });
  const ejected = meter.createUpDownCounter("trailsum.upstreams.ejected", {
    description: "Upstreams that a proxy leaves out",
    unit: "{upstream}",
    advice: { attributeKeys: [] },
  });

  const unfinished = new WeakMap<object, number>();
  return subscribeAll([
    on(diagnostics.exchangeEnd, (record: ExchangeMessage) => {
      const attributes = exchangeAttributes(record);
      exchanges.add(1, attributes);
      durations.record(record.duration / 1_000, attributes);
      for (const transfer of transfersOf(record)) transfers.add(1, transfer);
      content.add(record.received, { by: record.by, direction: "upload" });
      content.add(record.sent, { by: record.by, direction: "download" });
    }),
    on(diagnostics.transferEnd, ({ direction, verdict, mode, size, duration, error }: TransferMessage) => {
      const found = verdict?.name ?? (error === undefined ? "none" : "failed");
      transfers.add(1, { by: "client", direction, verdict: found, mode: mode ?? "none" });
      content.add(size, { by: "client", direction });
      transferDurations.record(duration / 1_000, { direction });
    }),
    on(diagnostics.connectionOpen, () => connections.add(1)),
    on(diagnostics.connectionClose, () => connections.add(-1)),
    on(diagnostics.trailersDropped, ({ direction, names }: TrailersDroppedMessage) =>
      dropped.add(names.length, { direction }),
    ),
    on(diagnostics.uploadsChanged, (message: UploadsMessage) => {
      uploads.add(message.unfinished - (unfinished.get(message.store) ?? 0));
      unfinished.set(message.store, message.unfinished);
    }),
    on(diagnostics.upstreamEjected, () => ejected.add(1)),
    on(diagnostics.upstreamReturned, () => ejected.add(-1)),
  ]);
}

/** What is done about the messages of a channel. */
interface Subscription {
  readonly channel: Channel;
  readonly listener: (message: unknown) => void;
}

/** A channel has messages of one type. */
function on(channel: Channel, take: (message: never) => void): Subscription {
  return { channel, listener: take as Subscription["listener"] };
}

function subscribeAll(subscriptions: readonly Subscription[]): MetricsRecording {
  for (const { channel, listener } of subscriptions) channel.subscribe(listener);
  return {
    stop() {
      for (const { channel, listener } of subscriptions) channel.unsubscribe(listener);
    },
  };
}
