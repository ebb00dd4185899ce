import { readFileSync } from "node:fs";

import type { Argv, Options } from "yargs";

/** The flags of a command, by name. */
export type Flags = Readonly<Record<string, Options>>;

/**
 * Declares the flags of a command, each of which may also come from the environment (`TRAILSUM_MAX_SIZE` for
 * `--max-size`) or from the JSON file that `--config` or `TRAILSUM_CONFIG` names. What is typed goes before the
 * environment, and that before the file. Names that are none of this command's flags are left to the commands they
 * belong to.
 */
export function withFlags(argv: Argv, flags: Flags): Argv {
  const own = (values: Readonly<Record<string, unknown>>): Record<string, unknown> =>
    Object.fromEntries(Object.entries(values).filter(([name]) => Object.hasOwn(flags, name)));
  const environment = fromEnvironment(flags);
  return argv
    .options(flags)
    .option("config", {
      type: "string",
      requiresArg: true,
      ...(process.env["TRAILSUM_CONFIG"] === undefined ? {} : { default: process.env["TRAILSUM_CONFIG"] }),
    })
    .config("config", "a JSON file with values for these flags", (path) => ({
      ...own(readSettings(path)),
      ...environment,
    }))
    .config(environment);
}

function fromEnvironment(flags: Flags): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, { type }] of Object.entries(flags)) {
    const text = process.env[`TRAILSUM_${name.toUpperCase().replaceAll("-", "_")}`];
    if (text === undefined) continue;
    if (type === "boolean") values[name] = !["", "0", "false", "no"].includes(text.toLowerCase());
    else values[name] = type === "number" ? Number(text) : text;
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
