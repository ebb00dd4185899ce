import type { Flags } from "../flags/settings.ts";

/** What is done, and the command that does it. */
export interface Example {
  readonly does: string;
  readonly line: string;
}

/** A command as help, completion and manual pages present it. */
export interface CommandEntry {
  readonly name: string;
  readonly describe: string;
  /** `trailsum upload <file|dir...|-> <url>` */
  readonly synopsis: string;
  readonly flags: Flags;
  readonly examples: readonly Example[];
  /** The words that its argument can be, if there are few. */
  readonly values: readonly string[];
}
