import { parseArgs } from "node:util";

import { type Flag, type Flags, type FlagValue, takesValue } from "./flag.ts";
import { suggestion } from "./suggestion.ts";

/** What was typed after the name of a command. */
export interface CommandLine {
  /** The flags that were given, by name. */
  readonly flags: ReadonlyMap<string, FlagValue>;
  /** What is no flag: `-`, everything after `--`, and what does not begin with a dash. */
  readonly operands: readonly string[];
}

/** Reads what was typed. Throws for an unknown flag, a missing value, and an invalid value. */
export function readCommandLine(args: readonly string[], flags: Flags): CommandLine {
  const options = Object.entries(flags).map(([name, flag]) => [
    name,
    { type: takesValue(flag) ? "string" : "boolean", ...(flag.alias !== undefined && { short: flag.alias }) } as const,
  ]);
  // Not strict: its sentences would be Node's own, and it knows neither numbers nor counts.
  const { tokens, positionals } = parseArgs({
    args: [...args],
    options: Object.fromEntries(options),
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const given = new Map<string, FlagValue>();
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const { rawName, value, inlineValue = false } = token;
    const { name, flag, negated } = flagOf(token.name, rawName, flags);
    // The next word is the value, unless it is a flag itself. A lone dash is not, and neither is a number below zero.
    const isFlag = !inlineValue && value !== undefined && /^-[^\d.]/.test(value);
    const text = isFlag ? undefined : value;
    const before = given.get(name);
    if (before !== undefined && flag.array !== true && flag.type !== "count")
      throw new Error(`--${name} was given more than once: give it once`);
    given.set(name, flagValue(name, flag, { text, negated, before }));
  }
  return { flags: given, operands: positionals };
}

function flagOf(name: string, rawName: string, flags: Flags): { name: string; flag: Flag; negated: boolean } {
  if (Object.hasOwn(flags, name)) return { name, flag: flags[name]!, negated: false };
  const positive = name.slice("no-".length);
  if (name.startsWith("no-") && Object.hasOwn(flags, positive))
    return { name: positive, flag: flags[positive]!, negated: true };
  throw new Error(`unknown flag ${rawName}${suggestion(name, Object.keys(flags), "--")}`);
}

interface Spelling {
  /** What follows the name. */
  readonly text: string | undefined;
  readonly negated: boolean;
  /** What the flag came to where it was given before. */
  readonly before: FlagValue | undefined;
}

function flagValue(name: string, flag: Flag, { text, negated, before }: Spelling): FlagValue {
  if (flag.type === "boolean") {
    if (text === undefined) return !negated;
    if (text === "true" || text === "false") return (text === "true") !== negated;
    throw new Error(`--${name} cannot be ${JSON.stringify(text)}: it takes no value`);
  }
  if (flag.type === "count") {
    if (negated || text !== undefined) throw new Error(`--${name} takes no value: repeat it for more`);
    return (typeof before === "number" ? before : 0) + 1;
  }
  if (negated) throw new Error(`--${name} cannot be turned off: give it a value`);
  if (text === undefined || (flag.type === "number" && text.trim() === ""))
    throw new Error(`a value must follow --${name}`);
  if (flag.type === "number") return Number(text);
  return flag.array === true ? [...(Array.isArray(before) ? (before as string[]) : []), text] : text;
}
