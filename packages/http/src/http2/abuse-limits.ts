import { ErrorCode } from "./error-code.ts";
import { ConnectionFault } from "./fault.ts";

// The limits are relative to useful work, not to time, as a core has no clock. An allowance is spent by events that cost this side more
// than they are worth, and earned back, up to its size, by useful ones. The connection ends with ENHANCE_YOUR_CALM when it is used up.

/**
 * Streams that a client opens and resets within the octets of one call of `receive`: rapid reset (CVE-2023-44487). Each completed stream
 * earns one. A cancellation that arrives later is not counted: between two calls no more streams can be cancelled than may be open at a
 * time, so cancelling costs this side no more than serving.
 */
const HASTY_RESETS = 1000;

/** Streams that this side resets because the peer broke a rule: made-you-reset (CVE-2025-8671). Each completed stream earns one. */
const PROVOKED_RESETS = 200;

/** DATA frames with neither content nor END_STREAM (CVE-2019-9518). Each DATA frame with content earns one. */
const EMPTY_FRAMES = 1000;

/**
 * Answers that wait to be sent, because the peer does not read: to PING (CVE-2019-9512), to SETTINGS (CVE-2019-9515), and to streams that
 * are refused or reset (CVE-2019-9514).
 */
const WAITING_REPLIES = 1000;

/** Interim responses to one request, between one piece of its content and the next. */
export const MAX_INTERIM_RESPONSES = 1000;

/**
 * The least that a fragment of a field block counts towards the limit of the block, in octets: so the number of CONTINUATION frames is
 * bounded, too, even of empty ones (CVE-2024-27316, CVE-2023-45288, CVE-2019-9518).
 */
export const MIN_FRAGMENT = 1024;

/** How many useless events a peer may cause. */
export class Allowance {
  readonly #size: number;
  readonly #what: string;
  #left: number;

  /** `what` names the events in the error message. */
  constructor(size: number, what: string) {
    this.#size = size;
    this.#what = what;
    this.#left = size;
  }

  /** Counts an event. Throws a {@link ConnectionFault} with ENHANCE_YOUR_CALM when there have been too many. */
  spend(): void {
    if (this.#left === 0) throw new ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, `too many ${this.#what}`);
    this.#left -= 1;
  }

  /** Counts a useful event. */
  earn(): void {
    if (this.#left < this.#size) this.#left += 1;
  }

  /** Restores the whole budget. */
  refill(): void {
    this.#left = this.#size;
  }
}

/** The allowances of one connection. */
export class AbuseLimits {
  readonly hastyResets: Allowance = new Allowance(HASTY_RESETS, "streams that are reset as soon as they are opened");
  readonly provokedResets: Allowance = new Allowance(PROVOKED_RESETS, "streams that had to be reset");
  readonly emptyFrames: Allowance = new Allowance(EMPTY_FRAMES, "empty DATA frames");
  readonly waitingReplies: Allowance = new Allowance(WAITING_REPLIES, "answers that are not read");

  /** A stream has completed: both of its messages have ended. */
  onCompleted(): void {
    this.hastyResets.earn();
    this.provokedResets.earn();
  }
}
