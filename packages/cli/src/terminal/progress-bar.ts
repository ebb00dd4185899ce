/** How far one file has come. */
export interface FileProgress {
  /** So many of its bytes have been transferred, of so many if that is known by now. */
  advance(transferred: number, total?: number): void;
  end(outcome: "complete" | "failed"): void;
}

/** Shows on stderr how far the transfers of a command have come, where that is a terminal. */
export interface ProgressBar {
  /** Whether anything is shown. */
  readonly shown: boolean;
  /** Another file was found, of this many bytes, if that is known; not known yet if undefined. */
  found(bytes: number | undefined): void;
  /** A file was left out. */
  skip(): void;
  /** The transfer of a file begins; it was found before. */
  begin(name: string, bytes: number | undefined): FileProgress;
  /** Erases what is drawn, so that something else can be printed. It is drawn again soon. */
  erase(): void;
  /** Erases it for good, and sums up what was transferred, if that was more than one file. */
  end(): void;
}

const silent: ProgressBar = {
  shown: false,
  found() {},
  skip() {},
  begin: () => ({ advance() {}, end() {} }),
  erase() {},
  end() {},
};

/**
 * A bar, or one that shows nothing: where it is not wanted, and where stderr is not a terminal. `last` is what happens to
 * a file after its last byte was transferred: "waiting for the verdict".
 */
export async function createProgressBar(wanted: boolean, last: string): Promise<ProgressBar> {
  if (!wanted || !process.stderr.isTTY) return silent;
  const { TerminalBar } = await import("./terminal-bar.ts");
  return new TerminalBar(process.stderr, last);
}
