import type { InstrumentOptions, MetricsMeter } from "@trailsum/shared/metrics";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** A meter whose instruments are metrics of Prometheus: `trailsum.exchange.duration` in `s` is `trailsum_exchange_duration_seconds`. */
export function prometheusMeter(registry: Registry): MetricsMeter {
  const metric = (name: string, { description, unit, advice }: InstrumentOptions, suffix = "") => ({
    name: name.replaceAll(".", "_") + (UNITS[unit] ?? "") + suffix,
    help: description,
    labelNames: advice.attributeKeys,
    registers: [registry],
  });
  return {
    createCounter(name, options) {
      const counter = new Counter(metric(name, options, "_total"));
      return { add: (value, attributes = {}) => counter.inc(attributes, value) };
    },
    createUpDownCounter(name, options) {
      const gauge = new Gauge(metric(name, options));
      return { add: (value, attributes = {}) => gauge.inc(attributes, value) };
    },
    createHistogram(name, options) {
      const { explicitBucketBoundaries: buckets } = options.advice;
      const histogram = new Histogram({ ...metric(name, options), ...(buckets && { buckets }) });
      return { record: (value, attributes = {}) => histogram.observe(attributes, value) };
    },
  };
}

/** The suffixes for units that are not just things counted. */
const UNITS: Readonly<Record<string, string>> = { s: "_seconds", By: "_bytes" };
