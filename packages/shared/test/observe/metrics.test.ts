import { MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import { expect, onTestFinished, test } from "vitest";

import { diagnostics, type ExchangeRecord, TrailsumError } from "../../src/index.ts";
import { recordMetrics } from "../../src/metrics/index.ts";

/** A reader that is asked. */
class Asked extends MetricReader {
  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }

  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }
}

function exchange(more: Partial<ExchangeRecord>): ExchangeRecord {
  const base = { by: "server", method: "PUT", status: 201, received: 4, sent: 9, duration: 12, mode: "trailers" };
  return { ...base, requestVerdict: { name: "verified" }, ...more } as unknown as ExchangeRecord;
}

test("a meter of OpenTelemetry gets counters, histograms and what goes up and down, until the recording stops", async () => {
  const reader = new Asked();
  const provider = new MeterProvider({ readers: [reader] });
  onTestFinished(() => provider.shutdown());
  const recording = recordMetrics({ meter: provider.getMeter("trailsum") });
  diagnostics.exchangeEnd.publish(exchange({}));
  diagnostics.exchangeEnd.publish(
    exchange({ method: "INVENTED", status: undefined, received: 0, requestVerdict: undefined }),
  );
  diagnostics.connectionOpen.publish({});
  diagnostics.connectionOpen.publish({});
  diagnostics.connectionClose.publish({});
  const store = {};
  for (const unfinished of [3, 1]) diagnostics.uploadsChanged.publish({ store, unfinished });
  diagnostics.uploadsChanged.publish({ store: {}, unfinished: 2 });
  const failed = { direction: "download", size: 0, duration: 5, error: new TrailsumError("TIMEOUT", "late") };
  diagnostics.transferEnd.publish(failed);
  recording.stop();
  diagnostics.exchangeEnd.publish(exchange({}));
  diagnostics.connectionClose.publish({});

  const { resourceMetrics, errors } = await reader.collect();
  expect(errors).toEqual([]);
  const points = Object.fromEntries(
    resourceMetrics.scopeMetrics[0]!.metrics.map(({ descriptor, dataPoints }) => [
      descriptor.name,
      dataPoints.map(({ attributes, value }) => [
        Object.values(attributes).join(" "),
        typeof value === "number" ? value : value.count,
      ]),
    ]),
  );
  expect(points).toMatchObject({
    "trailsum.exchanges": [
      ["server PUT 2xx", 1],
      ["server other none", 1],
    ],
    "trailsum.transfers": [
      ["server upload verified trailers", 1],
      ["client download failed none", 1],
    ],
    "trailsum.content": expect.arrayContaining([["server upload", 4]]),
    "trailsum.connections": [["", 1]],
    "trailsum.uploads.unfinished": [["", 3]],
    "trailsum.exchange.duration": [
      ["server PUT 2xx", 1],
      ["server other none", 1],
    ],
  });
});
