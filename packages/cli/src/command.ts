import { TrailsumError } from "@trailsum/shared";
import type { Argv, CommandModule } from "yargs";

import { restoreDashes } from "./leading-dashes.ts";
import { type Run, runCommand } from "./process-run.ts";
import { type Flags, withFlags } from "./settings.ts";

/** One of the things that `trailsum` does. */
export interface Command<Arguments> {
  /** Its name and its positional arguments, as yargs takes them. */
  readonly command: string;
  readonly describe: string;
  readonly flags: Flags;
  /** Says more about its arguments than the flags do. */
  readonly arguments?: (argv: Argv) => Argv;
  /** Does it. What it throws is reported, and becomes the exit status. */
  readonly run: (given: Arguments, run: Run) => Promise<void>;
}

/** A command as `main` takes it. */
export interface DefinedCommand {
  readonly flags: Flags;
  readonly module: CommandModule;
}

/** A command for yargs; `Arguments` is what its positional arguments and its flags come to. */
export function defineCommand<Arguments>(command: Command<Arguments>): DefinedCommand {
  const { flags } = command;
  return {
    flags,
    module: {
      command: command.command,
      describe: command.describe,
      builder: (argv) => withFlags(command.arguments?.(argv) ?? argv, flags),
      handler: (given) =>
        runCommand(async (run) => {
          refuseRepeated(given, flags);
          // The types that yargs infers for flags do not reach through a function; the flags and `Arguments` stand side by side.
          await command.run(restoreDashes(given) as Arguments, run);
        }),
    },
  };
}

/** yargs makes a list of a flag that comes twice, whatever its type. */
function refuseRepeated(given: Readonly<Record<string, unknown>>, flags: Flags): void {
  for (const [name, { array }] of Object.entries(flags)) {
    if (array !== true && Array.isArray(given[name])) {
      throw new TrailsumError("USAGE", `--${name} was given more than once: give it once`);
    }
  }
}
