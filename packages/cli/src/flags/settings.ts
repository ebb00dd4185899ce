import { readFileSync } from "node:fs";

import type { Argv, Options } from "yargs";

import { suggestion } from "./suggestion.ts";

/** The flags of a command, by name. */
export type Flags = Readonly<Record<string, Options>>;

const PREFIX = "TRAILSUM_";

/** The variable of a flag, or of `config`: `TRAILSUM_MAX_SIZE` for `max-size`. */
const variable = (flag: string): string => PREFIX + flag.toUpperCase().replaceAll("-", "_");

/**
 * Declares the flags of a command, each of which may also come from the environment (`TRAILSUM_MAX_SIZE` for
 * `--max-size`) or from the JSON file that `--config` or `TRAILSUM_CONFIG` names. The command line takes precedence over
 * the environment, and the environment over the file. Flags of other commands are left to them.
 */
export function withFlags(argv: Argv, flags: Flags): Argv {
  const environment = fromEnvironment(flags);
  return argv
    .options(flags)
    .option("config", {
      type: "string",
      requiresArg: true,
      ...(process.env[variable("config")] === undefined ? {} : { default: process.env[variable("config")] }),
    })
    .config("config", "a JSON file with values for these flags", (path) => ({
      ...fromFile(path, flags),
      ...environment,
    }))
    .config(environment)
    .epilogue(
      "Every flag can come from the environment (TRAILSUM_JSON=1 is --json) or from the file that --config names.",
    );
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

function fromEnvironment(flags: Flags): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(flags)) {
    const type = valueType(flag);
    const text = process.env[variable(name)];
    if (text === undefined) continue;
    if (type === "boolean") values[name] = booleanValue(variable(name), text);
    // An empty value is not 0: the command rejects NaN.
    else values[name] = type === "number" ? Number(text.trim() || Number.NaN) : text;
  }
  return values;
}

/** The type of a setting: how often a flag was given is a number. */
function valueType({ type = "string" }: Options = {}): "array" | "boolean" | "number" | "string" {
  return type === "count" ? "number" : type;
}

function booleanValue(name: string, text: string): boolean {
  const word = text.toLowerCase();
  if (["1", "true", "yes", "on"].includes(word)) return true;
  if (["", "0", "false", "no", "off"].includes(word)) return false;
  throw new Error(`${name} cannot be ${JSON.stringify(text)}: use 1 or 0`);
}

function fromFile(path: string, flags: Flags): Record<string, unknown> {
  const own = Object.entries(readSettings(path)).filter(([name]) => Object.hasOwn(flags, name));
  for (const [name, value] of own) {
    const { array } = flags[name] ?? {};
    const type = valueType(flags[name]);
    const values: unknown[] = array === true && Array.isArray(value) ? value : [value];
    // yargs accepts a value of any type, which would reach the command unchecked.
    if (!values.every((one) => typeof one === type))
      throw new Error(
        `${JSON.stringify(name)} in ${path} must be a ${type}${array === true ? ", or a list of them" : ""}`,
      );
  }
  return Object.fromEntries(own);
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
