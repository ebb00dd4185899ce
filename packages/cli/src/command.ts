import { TrailsumError } from "@trailsum/shared";
import type { Argv, CommandModule } from "yargs";

import { errorObject } from "./failed-entry.ts";
import type { CommandEntry, Example } from "./manual/command-entry.ts";
import { restoreDashes } from "./flags/leading-dashes.ts";
import { type Run, runCommand } from "./process/process-run.ts";
import { type Flags, withFlags } from "./flags/settings.ts";

/** One of the things that `trailsum` does. */
export interface Command<Arguments> {
  /** Its name and its positional arguments, as yargs takes them. */
  readonly command: string;
  readonly describe: string;
  readonly flags: Flags;
  /** How it is called, without the flags: `trailsum upload <file> <url>`. */
  readonly synopsis: string;
  /** Said about it as a whole, below the synopsis. */
  readonly about?: string;
  /** Shown at the end of its help. */
  readonly examples: readonly Example[];
  /** The words that its argument can be, if there are few. */
  readonly values?: readonly string[];
  /** Says more about its arguments than the flags do. */
  readonly arguments?: (argv: Argv) => Argv;
  /** Does it. What it throws is reported, and becomes the exit status. */
  readonly run: (given: Arguments, run: Run) => Promise<void>;
}

/** A command as `main` takes it. */
export interface DefinedCommand extends CommandEntry {
  readonly module: CommandModule;
}

/** A command for yargs; `Arguments` is what its positional arguments and its flags come to. */
export function defineCommand<Arguments>(command: Command<Arguments>): DefinedCommand {
  const { flags, synopsis, about, examples, describe, values = [] } = command;
  const usage = about === undefined ? synopsis : `${synopsis}\n\n${about}`;
  const shown = examples.map(({ does, line }) => `  ${line}\n      ${does}`);
  return {
    name: command.command.split(" ")[0]!,
    describe,
    synopsis,
    flags,
    examples,
    values,
    module: {
      command: command.command,
      describe,
      builder: (argv) =>
        withFlags((command.arguments?.(argv) ?? argv).usage(usage).epilogue(`Examples:\n${shown.join("\n")}\n`), flags),
      handler: (given) =>
        runCommand(async (run) => {
          try {
            refuseRepeated(given, flags);
            // The types that yargs infers for flags are lost through a function, so the flags and `Arguments` are declared side by side.
            await command.run(restoreDashes(given) as Arguments, run);
          } catch (error) {
            run.report(error);
            if (given["json"] === true) await run.print(errorObject(error));
          }
        }),
    },
  };
}

/** yargs makes a list of a flag that is given twice, for any type. */
function refuseRepeated(given: Readonly<Record<string, unknown>>, flags: Flags): void {
  for (const [name, { array }] of Object.entries(flags)) {
    if (array !== true && Array.isArray(given[name])) {
      throw new TrailsumError("USAGE", `--${name} was given more than once: give it once`);
    }
  }
}
