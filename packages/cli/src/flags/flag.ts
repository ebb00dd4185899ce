/** A flag: its name is its key, without dashes. */
export interface Flag {
  /**
   * What follows it: nothing (`boolean`; and `count`, which counts how often it is given), a number, or text.
   *
   * @default "string"
   */
  readonly type?: "boolean" | "count" | "number" | "string";
  /** One letter: `X` for `-X`. */
  readonly alias?: string;
  readonly describe: string;
  /** What it is without being given; a boolean one that is true can be turned off with `--no-<name>`. */
  readonly default?: boolean | number | string;
  /** The words that it can be. */
  readonly choices?: readonly string[];
  /** Makes the text that was given into one of `choices`. */
  readonly coerce?: (text: string) => string;
  /** Whether it may be given several times, and is a list. */
  readonly array?: boolean;
}

/** The flags of a command, by name. */
export type Flags = Readonly<Record<string, Flag>>;

/** What a flag came to. */
export type FlagValue = boolean | number | string | readonly string[];

/** Flags that every command has. */
export const commonFlags: Flags = {
  config: { type: "string", describe: "a JSON file with values for these flags" },
  help: { alias: "h", type: "boolean", describe: "show help" },
  version: { type: "boolean", describe: "show the version" },
};

/** Whether a value follows a flag. */
export function takesValue({ type }: Flag): boolean {
  return type !== "boolean" && type !== "count";
}
