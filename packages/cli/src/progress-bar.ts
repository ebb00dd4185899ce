/** Shows how far a transfer has come, on stderr, where that is a terminal. */
export interface ProgressBar {
  /** Whether anything is shown. */
  readonly shown: boolean;
  /** So many bytes more. */
  add(bytes: number): void;
  /** So many bytes more are known to come. */
  expect(bytes: number | undefined): void;
  /** Takes the bar away: what is printed now is a result. */
  stop(): void;
}

const silent: ProgressBar = { shown: false, add() {}, expect() {}, stop() {} };

/** A bar, or one that shows nothing: where it is not wanted, and where stderr is no terminal. */
export async function createProgressBar(wanted: boolean): Promise<ProgressBar> {
  if (!wanted || !process.stderr.isTTY) return silent;
  const { TerminalBar } = await import("./terminal-bar.ts");
  return new TerminalBar();
}
