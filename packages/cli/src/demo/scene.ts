import { TrailsumError } from "@trailsum/shared";

import type { Stage } from "./stage.ts";
import type { WireRecord } from "./wire-tap.ts";

/** One message on one hop. */
interface HopRecord {
  /** `client to proxy`, `server to relay` */
  readonly hop: string;
  readonly record: WireRecord;
}

/** What was seen when a scene was played. */
export interface Outcome {
  /** Whether it ended as expected. */
  readonly ok: boolean;
  /** What happened, a sentence a line. */
  readonly seen: readonly string[];
  /** The exit status that `trailsum` has for it. */
  readonly exit: number;
  readonly hops?: readonly HopRecord[];
}

/** A part of the demo: something is sent, and the outcome is checked. */
export interface Scene {
  /** Its name for `--json`. */
  readonly name: string;
  readonly title: string;
  play(stage: Stage): Promise<Outcome>;
}

/** The error of an attempt that should fail; undefined if it did not. */
export async function failureOf(attempt: Promise<unknown>): Promise<TrailsumError | undefined> {
  try {
    await attempt;
    return undefined;
  } catch (error) {
    return TrailsumError.from(error);
  }
}
