import type { Flags } from "../flags/flag.ts";

/** What is done, and the command that does it. */
export interface Example {
  readonly does: string;
  readonly line: string;
}

/** What a command takes besides flags. */
export interface Operand {
  readonly name: string;
  readonly describe: string;
  /** Whether there may be several, and it is a list. */
  readonly many?: boolean;
  /** What it is without being given. */
  readonly default?: string;
  /** The words that it can be, if there are few. */
  readonly values?: readonly string[];
}

/** A command as help, completion and manual pages present it. */
export interface CommandEntry {
  readonly name: string;
  readonly describe: string;
  /** How it is called, without the flags: `trailsum upload <file|dir...|-> <url>` */
  readonly synopsis: string;
  /** Said about it as a whole, below the synopsis. */
  readonly about?: string;
  readonly flags: Flags;
  readonly operand?: Operand;
  readonly examples: readonly Example[];
}
