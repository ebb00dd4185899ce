/** The dimensions of a measurement. */
export type Attributes = Readonly<Record<string, string>>;

/** What an instrument is made with. */
export interface InstrumentOptions {
  /** What it measures. */
  readonly description: string;
  /** Its unit, in UCUM: `s`, `By`, `{exchange}`. */
  readonly unit: string;
  /** What the meter is advised: the attributes that come, and the boundaries of a histogram. */
  readonly advice: { readonly attributeKeys: string[]; readonly explicitBucketBoundaries?: number[] };
}

/** A counter, or a value that goes up and down. */
export interface Adding {
  /** Adds to it. */
  add(value: number, attributes?: Attributes): void;
}

/** A histogram. */
export interface Recording {
  /** Records a value. */
  record(value: number, attributes?: Attributes): void;
}

/** What measurements are made with: a `Meter` of `@opentelemetry/api`, or anything that is used like one. */
export interface MetricsMeter {
  /** Makes a value that only grows. */
  createCounter(name: string, options: InstrumentOptions): Adding;
  /** Makes a value that goes up and down. */
  createUpDownCounter(name: string, options: InstrumentOptions): Adding;
  /** Makes a distribution of values. */
  createHistogram(name: string, options: InstrumentOptions): Recording;
}
