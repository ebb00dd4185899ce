import type { Progress, TransferPhase } from "@trailsum/client";

import type { FileState } from "./progress-text.ts";
import { visibleText } from "./visible-text.ts";

/** A file under way, over all attempts to transfer it. */
export class RunningFile {
  readonly #name: string;
  #phase: TransferPhase = "transferring";
  /** While it is hashed before its transfer, the bytes that were hashed. */
  #hashed = 0;
  /** The highest number of bytes transferred: content that is transferred again is not counted twice. */
  #most = 0;
  #total: number | undefined;
  #again = false;
  #movedAt: number;

  constructor(name: string, total: number | undefined, now: number) {
    this.#name = visibleText(name);
    this.#total = total;
    this.#movedAt = now;
  }

  /** Its transfer has come this far. Returns how many bytes were transferred that had not been before. */
  advance({ transferred, total, phase }: Progress, now: number): number {
    const isHashing = phase === "hashing";
    const known = isHashing ? this.#hashed : this.#most;
    this.#again = !isHashing && transferred < known;
    if (transferred > known || this.#again || phase !== this.#phase) this.#movedAt = now;
    this.#phase = phase;
    this.#total = total ?? this.#total;
    if (isHashing) {
      this.#hashed = transferred;
      return 0;
    }
    this.#most = Math.max(known, transferred);
    return this.#most - known;
  }

  /** How a line shows it. */
  state(now: number): FileState {
    return {
      name: this.#name,
      phase: this.#phase,
      transferred: this.#phase === "hashing" ? this.#hashed : this.#most,
      total: this.#total,
      again: this.#again,
      resting: now - this.#movedAt,
    };
  }
}
