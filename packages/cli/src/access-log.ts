import type { ExchangeRecord } from "@trailsum/proxy";

import { accessLine } from "./access-line.ts";

/** An access log that is written to now and then: a write for each line would cost as much as the exchange. */
export interface AccessLog {
  /** Notes an exchange that has ended. */
  add(record: ExchangeRecord): void;
  /** Writes what has been noted. */
  flush(): void;
}

/** How long a line may wait. Milliseconds. */
const WAIT = 50;

/** No more than this waits, however short the time. Characters. */
const ENOUGH = 65_536;

/** An access log on `stream`. Nothing waits longer than a moment, but nothing is written after the last `flush` either. */
export function createAccessLog(stream: NodeJS.WritableStream): AccessLog {
  let lines = "";
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (lines !== "") stream.write(lines);
    lines = "";
  };
  return {
    add(record) {
      lines += accessLine(record);
      if (lines.length > ENOUGH) flush();
      else timer ??= setTimeout(flush, WAIT).unref();
    },
    flush,
  };
}
