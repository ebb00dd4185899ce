import { Parser } from "yargs/helpers";

import { type Flag, type Flags, type FlagValue, takesValue } from "./flag.ts";
import { suggestion } from "./suggestion.ts";

/** What was typed after the name of a command. */
export interface CommandLine {
  /** The flags that were given, by name. */
  readonly flags: ReadonlyMap<string, FlagValue>;
  /** What is not a flag: `-`, everything after `--`, and what does not begin with a dash. */
  readonly operands: readonly string[];
}

/** Of what yargs does to a command line, only what its flags ask for. */
const configuration = {
  "boolean-negation": false,
  "camel-case-expansion": false,
  "dot-notation": false,
  "parse-positional-numbers": false,
  "populate--": true,
  "strip-aliased": true,
} as const;

/** What yargs makes of flags and operands. */
interface Parsed extends Record<string, boolean | number | string | readonly string[] | undefined> {
  readonly _?: readonly string[];
  readonly "--"?: readonly string[];
}

/** Reads what was typed. Throws for an unknown flag, a missing value, and an invalid value. */
export function readCommandLine(args: readonly string[], flags: Flags): CommandLine {
  const entries = Object.entries(flags);
  const valued = entries.filter(([, flag]) => takesValue(flag)).map(([name]) => name);
  const switches = entries.filter(([, { type }]) => type === "boolean").map(([name]) => name);
  const { argv, error } = Parser.detailed(spelledOut(args, flags), {
    // Numbers too: an error message shows their text.
    string: valued,
    narg: Object.fromEntries(valued.map((name) => [name, 1])),
    boolean: switches.flatMap((name) => [name, `no-${name}`]),
    count: entries.filter(([, { type }]) => type === "count").map(([name]) => name),
    alias: Object.fromEntries(entries.flatMap(([name, { alias }]) => (alias === undefined ? [] : [[name, alias]]))),
    configuration,
  });
  if (error !== null) throw new Error(`a value must follow ${lackingFlag(error, flags)}`, { cause: error });
  const { _: operands = [], "--": rest = [], ...given } = argv as Parsed;
  const values = new Map<string, FlagValue>();
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || (value === 0 && flags[name]?.type === "count")) continue;
    const positive = positiveName(name, flags);
    const { type, array } = flags[positive]!;
    if (values.has(positive) || (Array.isArray(value) && array !== true))
      throw new Error(`--${positive} was given more than once: give it once`);
    if (type === "boolean") values.set(positive, value === (positive === name));
    else if (type === "count") values.set(name, Number(value));
    else if (type === "number") values.set(name, numberOf(name, String(value)));
    else values.set(name, array === true ? [value].flat().map(String) : String(value));
  }
  return { flags: values, operands: [...operands, ...rest].map(String) };
}

/**
 * The same arguments without what yargs would silently change: it takes the letters of `-XPUT` for four flags, and makes
 * false of `--json=maybe`. Throws for the latter.
 */
function spelledOut(args: readonly string[], flags: Flags): string[] {
  const end = args.indexOf("--");
  const before = end === -1 ? args : args.slice(0, end);
  const byLetter = new Map(Object.entries(flags).map(([name, flag]) => [flag.alias, name]));
  return [
    ...before.flatMap((arg) => {
      refuseMisread(arg, flags);
      if (!/^-[a-z]/i.test(arg)) return [arg];
      const at = arg
        .split("")
        .findIndex((letter, index) => index > 0 && takesValue(flags[byLetter.get(letter)!] ?? SWITCH));
      if (at === -1 && arg.includes("=")) throw new Error("unknown flag -=");
      if (at === -1 || at === arg.length - 1) return [arg];
      const spelled = `--${byLetter.get(arg[at])}=${arg.slice(at + 1)}`;
      return at === 1 ? [spelled] : [arg.slice(0, at), spelled];
    }),
    ...(end === -1 ? [] : args.slice(end)),
  ];
}

const SWITCH: Flag = { type: "boolean", describe: "" };

function refuseMisread(arg: string, flags: Flags): void {
  const [, name = "", value = ""] = /^--([^=]+)=(.*)$/s.exec(arg) ?? [];
  const known = flags[name] ?? flags[name.replace(/^no-/, "")];
  if (known?.type === "boolean" && value !== "true" && value !== "false")
    throw new Error(`--${name} cannot be ${JSON.stringify(value)}: it takes no value`);
  // Where yargs keeps the operands.
  if (/^--?_(?:=|$)/.test(arg)) throw new Error(`unknown flag ${arg}`);
  if (known?.type === "count") throw new Error(`--${name} takes no value: repeat it for more`);
}

/** The flag of a name: itself, or the one that it turns off. Throws for an unknown name. */
function positiveName(name: string, flags: Flags): string {
  if (Object.hasOwn(flags, name)) return name;
  const positive = name.replace(/^no-/, "");
  if (positive === name || !Object.hasOwn(flags, positive)) {
    // yargs gives that one another name, so that it is no prototype.
    const typed = name.replace(/^___proto___$/, "__proto__");
    throw new Error(
      `unknown flag ${typed.length === 1 ? "-" : "--"}${typed}${suggestion(name, Object.keys(flags), "--")}`,
    );
  }
  if (flags[positive]!.type === "boolean") return positive;
  throw new Error(`--${positive} cannot be turned off: give it a value`);
}

/** The flag of yargs's complaint, which names it as it was typed. */
function lackingFlag({ message }: Error, flags: Flags): string {
  const typed = message.slice(message.lastIndexOf(" ") + 1);
  const [name = typed] = Object.entries(flags).find(([, { alias }]) => alias === typed) ?? [];
  return `--${name}`;
}

function numberOf(name: string, text: string): number {
  if (text.trim() === "") throw new Error(`a value must follow --${name}`);
  return Number(text);
}
