import type { Flags } from "./settings.ts";

/**
 * Throws for a flag whose value yargs would silently change: it makes 0 of `--port=` and `--no-port`, false of
 * `--json=maybe` and of `--no-digest`. Flags that are not known are left to it.
 */
export function refuseMisreadValues(args: readonly string[], flags: Flags): void {
  const end = args.indexOf("--");
  const given = end === -1 ? args : args.slice(0, end);
  for (const [at, arg] of given.entries()) {
    const [, negation, name = "", value] = /^--(no-)?([^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
    if (!Object.hasOwn(flags, name)) continue;
    const { type } = flags[name]!;
    if (type === "boolean") {
      if (value === undefined || value === "true" || value === "false") continue;
      throw new Error(`--${name} cannot be ${JSON.stringify(value)}: it takes no value`);
    }
    if (negation !== undefined) throw new Error(`--${name} cannot be turned off: give it a value`);
    if (type === "number" && (value ?? given[at + 1] ?? "").trim() === "") {
      throw new Error(`a value must follow ${name}`);
    }
  }
}
