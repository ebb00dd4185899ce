import { ErrorCode } from "./error-code.ts";
import { ConnectionFault } from "./fault.ts";

// The limits are rates relative to useful work, and not to time: a core has no clock, and a busy connection may make more mistakes
// than an idle one. An allowance is spent by what costs more than it is worth, and is earned back, up to its size, by what the
// connection is there for. When it is used up the connection ends with ENHANCE_YOUR_CALM.

/**
 * Streams that a client opens and resets in the same octets that arrive, before anything could be sent in return: rapid reset
 * (CVE-2023-44487). Each completed stream earns one. Cancelling a request once the server had its turn is not counted: then no more
 * than the concurrent streams that are allowed can be cancelled at a time, which costs no more than to serve them.
 */
const HASTY_RESETS = 1000;

/**
 * Streams that are reset here because of what the peer did on them: made-you-reset (CVE-2025-8671). Each completed stream earns one.
 */
const PROVOKED_RESETS = 200;

/** DATA frames without content that end nothing (CVE-2019-9518). Each DATA frame with content earns one. */
const EMPTY_FRAMES = 1000;

/**
 * Answers that wait to be sent because the peer does not read: to PING (CVE-2019-9512), SETTINGS (CVE-2019-9515) and to streams that are
 * refused or reset (CVE-2019-9514).
 */
const WAITING_REPLIES = 1000;

/** Interim responses to one request, between one piece of its content and the next. */
export const MAX_INTERIM_RESPONSES = 1000;

/**
 * The shortest fragment of a field block that is counted as what it is, in octets: an empty CONTINUATION frame counts as this much
 * (CVE-2024-27316, CVE-2023-45288, CVE-2019-9518).
 */
export const MIN_FRAGMENT = 1024;

/** A number of events that a peer may cause without use. */
export class Allowance {
  readonly #size: number;
  readonly #what: string;
  #left: number;

  /** `what` says, for people, what there may not be more of. */
  constructor(size: number, what: string) {
    this.#size = size;
    this.#what = what;
    this.#left = size;
  }

  /** Counts an event. Throws a {@link ConnectionFault} with ENHANCE_YOUR_CALM once there were too many. */
  spend(): void {
    if (this.#left === 0) throw new ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, `too many ${this.#what}`);
    this.#left -= 1;
  }

  /** Counts something useful. */
  earn(): void {
    if (this.#left < this.#size) this.#left += 1;
  }

  /** Gives back all of it. */
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

  /** A stream has ended as it should: request and response are complete. */
  onCompleted(): void {
    this.hastyResets.earn();
    this.provokedResets.earn();
  }
}
