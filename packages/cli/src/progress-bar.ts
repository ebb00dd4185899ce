/** Shows on stderr how far a transfer has come, where that is a terminal. */
export interface ProgressBar {
  /** Whether anything is shown. */
  readonly shown: boolean;
  /** Another file begins, of this many bytes, where that is known. */
  expect(bytes: number | undefined): void;
  /** This many more bytes were transferred. */
  add(bytes: number): void;
  /** A file is complete. */
  complete(): void;
  /** Erases the bar, so that something else can be printed. It is drawn again when the transfer moves on. */
  erase(): void;
  /** Erases the bar for good. */
  end(): void;
}

const silent: ProgressBar = { shown: false, expect() {}, add() {}, complete() {}, erase() {}, end() {} };

/** A bar, or one that shows nothing: where it is not wanted, and where stderr is not a terminal. */
export async function createProgressBar(wanted: boolean): Promise<ProgressBar> {
  if (!wanted || !process.stderr.isTTY) return silent;
  const { TerminalBar } = await import("./terminal-bar.ts");
  return new TerminalBar(process.stderr);
}
