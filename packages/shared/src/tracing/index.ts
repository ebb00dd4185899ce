export { recordSpans, type RecordSpansOptions, type SpanRecording } from "./record-spans.ts";
