import type { ExchangeRecord } from "./exchange-record.ts";

/** What an exchange has moved so far. */
export interface ExchangeProgress {
  /** Bytes of content that have come from the client, without framing. */
  readonly received: number;
  /** Bytes of content that were given to its connection, without framing. */
  readonly sent: number;
  /** Bytes of content that its request will have; undefined if it does not say. */
  readonly expected: number | undefined;
}

const running = new WeakMap<ExchangeRecord, () => ExchangeProgress>();

/**
 * What an exchange has moved so far, for a subscriber of `trailsum:exchange:start`: the numbers in the record are those of its end.
 * Undefined for a record that was not published there.
 */
export function exchangeProgress(record: ExchangeRecord): ExchangeProgress | undefined {
  return running.get(record)?.();
}

/** Lets {@link exchangeProgress} ask for the progress of an exchange. */
export function followProgress(record: ExchangeRecord, progress: () => ExchangeProgress): void {
  running.set(record, progress);
}
