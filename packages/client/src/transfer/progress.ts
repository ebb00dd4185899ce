/**
 * What a transfer is doing:
 *
 * - `hashing`: the content is read for its digests alone, before anything of it is transferred;
 * - `resuming`: what an earlier attempt or run has transferred is hashed again;
 * - `transferring`: content is sent or received;
 * - `verifying`: all content was transferred, and its verdict is awaited;
 * - `retrying`: an attempt failed, and another one follows after a pause.
 */
export type TransferPhase = "hashing" | "resuming" | "transferring" | "verifying" | "retrying";

/** How far a transfer has come. */
export interface Progress {
  /** Bytes of content so far; while `hashing`, the bytes that were hashed. An attempt that begins again begins at 0. */
  readonly transferred: number;
  /** Bytes in all, where that is known. */
  readonly total: number | undefined;
  /** What the transfer is doing. */
  readonly phase: TransferPhase;
}

/** Reports the progress of one transfer, over all its attempts. */
export class ProgressReport {
  readonly #report: ((progress: Progress) => void) | undefined;
  #last: Progress = { transferred: 0, total: undefined, phase: "transferring" };

  constructor(report: ((progress: Progress) => void) | undefined) {
    this.#report = report;
  }

  /** So much content was transferred. After the last byte the verdict is awaited. */
  transferred(bytes: number, total: number | undefined): void {
    this.moved(bytes === total ? "verifying" : "transferring", bytes, total);
  }

  /** The phase has come to so many bytes. */
  moved(phase: TransferPhase, transferred: number, total: number | undefined): void {
    this.#last = { transferred, total, phase };
    this.#report?.(this.#last);
  }

  /** Another phase begins. */
  enter(phase: TransferPhase): void {
    const { transferred, total } = this.#last;
    if (phase !== this.#last.phase) this.moved(phase, transferred, total);
  }
}
