import type { ExchangeRecord } from "@trailsum/shared";

import { accessLine } from "./access-line.ts";

/** An access log that writes in batches: a write for each line would cost as much as the exchange. */
export interface AccessLog {
  /** Records an exchange that has ended. */
  add(record: ExchangeRecord): void;
  /** Writes the current batch. */
  flush(): void;
}

/** How long a line may wait. Milliseconds. */
const WAIT = 50;

/** A batch of this size is written at once. Characters. */
const ENOUGH = 65_536;

/** An access log on `output`. */
export function createAccessLog(output: { write(lines: string): unknown }): AccessLog {
  let lines = "";
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (lines !== "") output.write(lines);
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
