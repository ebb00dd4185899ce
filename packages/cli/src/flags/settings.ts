import { readFileSync } from "node:fs";

import type { Flag, Flags, FlagValue } from "./flag.ts";
import { suggestion } from "./suggestion.ts";

const PREFIX = "TRAILSUM_";

/** The variable of a flag, or of `config`: `TRAILSUM_MAX_SIZE` for `max-size`. */
const variable = (flag: string): string => PREFIX + flag.toUpperCase().replaceAll("-", "_");

/** The file with settings that `--config` or `TRAILSUM_CONFIG` names, if any. */
export function settingsFile(given: FlagValue | undefined): string | undefined {
  return typeof given === "string" ? given : process.env[variable("config")];
}

/**
 * What every flag of a command comes to, under its name as it is written and in camel case. The command line takes
 * precedence over the environment (`TRAILSUM_MAX_SIZE` for `--max-size`), that over the JSON file `path`, and that over the
 * default. Settings of other commands are left to them. Throws for values that a flag cannot have.
 */
export function flagValues(
  flags: Flags,
  given: ReadonlyMap<string, FlagValue>,
  path: string | undefined,
): Record<string, FlagValue> {
  const file = path === undefined ? new Map<string, FlagValue>() : fromFile(path, flags);
  const values: Record<string, FlagValue> = {};
  for (const [name, flag] of Object.entries(flags)) {
    const value = given.get(name) ?? fromEnvironment(name, flag) ?? file.get(name) ?? defaultValue(flag);
    if (value === undefined) continue;
    values[name] = values[camelCase(name)] = chosen(name, flag, value);
  }
  return values;
}

/** How often a flag was given is 0 where it was not. */
function defaultValue({ type, default: value }: Flag): FlagValue | undefined {
  return type === "count" ? 0 : value;
}

function camelCase(name: string): string {
  return name.replaceAll(/-(.)/g, (_dash, letter: string) => letter.toUpperCase());
}

/** The value, as one of the flag's choices where it has such. */
function chosen(name: string, { choices, coerce }: Flag, value: FlagValue): FlagValue {
  if (choices === undefined) return value;
  const word = typeof value === "string" && coerce !== undefined ? coerce(value) : value;
  if (choices.some((choice) => choice === word)) return word;
  const known = choices.map((choice) => JSON.stringify(choice)).join(", ");
  throw new Error(`--${name} cannot be ${JSON.stringify(word)}: use ${known}`);
}

/**
 * Throws when a variable that begins with `TRAILSUM_`, or a key of the settings in the file `path`, is not a flag of any
 * command: a setting that is misspelt would be ignored. `all` gives the names of the flags of every command; `own` are
 * those of the command that runs, and as a rule nothing else has to be known.
 */
export async function refuseUnknownSettings(
  path: string | undefined,
  own: Flags,
  all: () => Promise<ReadonlySet<string>>,
): Promise<void> {
  const ownVariables = new Set([...Object.keys(own), "config"].map(variable));
  const variables = Object.keys(process.env).filter((name) => name.startsWith(PREFIX) && !ownVariables.has(name));
  const keys = path === undefined ? [] : Object.keys(readSettings(path)).filter((key) => !Object.hasOwn(own, key));
  if (variables.length === 0 && keys.length === 0) return;
  const known = await all();
  const knownVariables = new Set([...known, "config"].map(variable));
  for (const name of variables) {
    if (knownVariables.has(name)) continue;
    const names = Array.from(knownVariables, (variableName) => variableName.slice(PREFIX.length));
    throw new Error(`unknown variable ${name}${suggestion(name.slice(PREFIX.length), names, PREFIX)}`);
  }
  for (const key of keys) {
    if (!known.has(key)) throw new Error(`unknown setting ${JSON.stringify(key)} in ${path}${suggestion(key, known)}`);
  }
}

function fromEnvironment(name: string, flag: Flag): FlagValue | undefined {
  const text = process.env[variable(name)];
  if (text === undefined) return undefined;
  const type = valueType(flag);
  if (type === "boolean") return booleanValue(variable(name), text);
  // An empty value is not 0: the command rejects NaN.
  if (type === "number") return Number(text.trim() || Number.NaN);
  return flag.array === true ? [text] : text;
}

/** The type of a setting: how often a flag was given is a number. */
function valueType({ type = "string" }: Flag): "boolean" | "number" | "string" {
  return type === "count" ? "number" : type;
}

function booleanValue(name: string, text: string): boolean {
  const word = text.toLowerCase();
  if (["1", "true", "yes", "on"].includes(word)) return true;
  if (["", "0", "false", "no", "off"].includes(word)) return false;
  throw new Error(`${name} cannot be ${JSON.stringify(text)}: use 1 or 0`);
}

/** The settings of a file that are flags of the command. */
function fromFile(path: string, flags: Flags): Map<string, FlagValue> {
  const values = new Map<string, FlagValue>();
  for (const [name, value] of Object.entries(readSettings(path))) {
    if (!Object.hasOwn(flags, name)) continue;
    const flag = flags[name]!;
    const list: unknown[] = flag.array === true && Array.isArray(value) ? value : [value];
    if (!list.every((one) => typeof one === valueType(flag)))
      throw new Error(
        `${JSON.stringify(name)} in ${path} must be a ${valueType(flag)}${flag.array === true ? ", or a list of them" : ""}`,
      );
    values.set(name, flag.array === true ? (list as string[]) : (value as FlagValue));
  }
  return values;
}

function readSettings(path: string): Record<string, unknown> {
  let settings: unknown;
  try {
    settings = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`cannot use the settings in ${path}: ${reason}`, { cause: error });
  }
  if (typeof settings !== "object" || settings === null || Array.isArray(settings)) {
    throw new Error(`cannot use the settings in ${path}: write a JSON object, such as {"port": 8080}`);
  }
  return { ...settings };
}
