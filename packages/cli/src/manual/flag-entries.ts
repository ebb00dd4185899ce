import type { Flags } from "../flags/settings.ts";

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

/** Flags that every command has. */
const COMMON: Flags = {
  config: { type: "string", normalize: true, describe: "a JSON file with values for these flags" },
  help: { alias: "h", type: "boolean", describe: "show help" },
};

/** Flags whose value is a path. */
const PATHS: ReadonlySet<string> = new Set([
  "auth-file",
  "cacert",
  "cert",
  "config",
  "key",
  "output",
  "sums",
  "tls-cert",
  "tls-key",
  "unix-socket",
  "write-sums",
]);

/** The flags of a command in their order, and those that every command has. */
export function flagEntries(flags: Flags): FlagEntry[] {
  return Object.entries({ ...flags, ...COMMON }).map(([name, flag]) => flagEntry(name, flag));
}

function flagEntry(
  name: string,
  { alias, type, choices = [], describe, default: byDefault, array = false }: Flags[string],
): FlagEntry {
  const takesValue = type !== "boolean" && type !== "count";
  return {
    name,
    ...(typeof alias === "string" && { alias }),
    ...(takesValue && { value: PATHS.has(name) ? "file" : type === "number" ? "number" : "text" }),
    choices: choices.map(String),
    describe: typeof describe === "string" ? describe : "",
    ...(takesValue && byDefault !== undefined && byDefault !== "" && { default: String(byDefault) }),
    repeatable: array || type === "count",
    negatable: type === "boolean" && byDefault === true,
  };
}
