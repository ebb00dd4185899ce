export { type Adding, type Attributes, type InstrumentOptions, type MetricsMeter, type Recording } from "./meter.ts";
export { type MetricsRecording, recordMetrics, type RecordMetricsOptions } from "./record-metrics.ts";
