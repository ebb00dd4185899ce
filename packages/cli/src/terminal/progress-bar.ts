import type { Progress, TransferPhase } from "@trailsum/client";

/** How far one file has come. */
export interface FileProgress {
  /** Its transfer has come this far. */
  advance(progress: Progress): void;
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

/** What a bar shows for each phase, and for content that is transferred again: "sending again". */
export type PhaseNames = Readonly<Record<Exclude<TransferPhase, "transferring"> | "again", string>>;

/** The names of the phases of an upload. */
export const uploadPhases: PhaseNames = {
  hashing: "hashing",
  resuming: "resuming",
  again: "sending again",
  verifying: "waiting for the verdict",
  retrying: "retrying",
};

/** The names of the phases of a download. */
export const downloadPhases: PhaseNames = { ...uploadPhases, again: "receiving again", verifying: "verifying" };

/**
 * A bar, or one that shows nothing: where it is not wanted, and where stderr is not a terminal or one that cannot erase
 * (`TERM=dumb`).
 */
export async function createProgressBar(wanted: boolean, names: PhaseNames): Promise<ProgressBar> {
  if (!wanted || !process.stderr.isTTY || process.env["TERM"] === "dumb") return silent;
  const { TerminalBar } = await import("./terminal-bar.ts");
  return new TerminalBar(process.stderr, names);
}
