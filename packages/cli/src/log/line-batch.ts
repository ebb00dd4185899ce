/** Gathers the lines of a log and writes them together: a write for each line would cost as much as the exchange. */
export interface LineBatch {
  /** Adds a line, with its line end. */
  add(line: string): void;
  /** Writes what was gathered. */
  flush(): void;
}

/** How long a line may wait. Milliseconds. */
const WAIT = 50;

/** A batch of this size is written at once. Characters. */
const ENOUGH = 65_536;

/** A batch of lines for `output`. */
export function createLineBatch(output: { write(lines: string): unknown }): LineBatch {
  let lines = "";
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (lines !== "") output.write(lines);
    lines = "";
  };
  return {
    add(line) {
      lines += line;
      if (lines.length > ENOUGH) flush();
      else timer ??= setTimeout(flush, WAIT).unref();
    },
    flush,
  };
}
