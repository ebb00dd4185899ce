import { commonFlags, type Flag, type Flags, takesValue } from "../flags/flag.ts";

/** A flag of a command, as help, completion and manual pages present it. */
export interface FlagEntry {
  readonly name: string;
  /** One letter. */
  readonly alias?: string;
  /** What its value is called; undefined for a flag without one. */
  readonly value?: "file" | "number" | "text";
  readonly choices: readonly string[];
  readonly describe: string;
  /** Its spelling on the command line; undefined if the flag has no short form. */
  readonly default?: string;
  /** Whether it may be given several times. */
  readonly repeatable: boolean;
  /** Whether `--no-<name>` turns it off. */
  readonly negatable: boolean;
}

/** Flags whose value is a path. */
const PATHS: ReadonlySet<string> = new Set([
  "auth-file",
  "cacert",
  "cert",
  "config",
  "key",
  "log-file",
  "output",
  "sums",
  "tls-cert",
  "tls-key",
  "token-file",
  "unix-socket",
  "write-sums",
]);

/** The flags of a command in their order, and those that every command has. */
export function flagEntries(flags: Flags): FlagEntry[] {
  return Object.entries({ ...flags, ...commonFlags }).map(([name, flag]) => flagEntry(name, flag));
}

function flagEntry(name: string, flag: Flag): FlagEntry {
  const { alias, type = "string", choices = [], describe, default: byDefault, array = false } = flag;
  const hasValue = takesValue(flag);
  return {
    name,
    ...(alias !== undefined && { alias }),
    ...(hasValue && { value: PATHS.has(name) ? "file" : type === "number" ? "number" : "text" }),
    choices,
    describe,
    ...(hasValue && byDefault !== undefined && byDefault !== "" && { default: String(byDefault) }),
    repeatable: array || type === "count",
    negatable: type === "boolean" && byDefault === true,
  };
}
