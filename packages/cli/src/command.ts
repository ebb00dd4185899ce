import { errorObject } from "./failed-entry.ts";
import type { FlagValue } from "./flags/flag.ts";
import type { CommandEntry } from "./manual/command-entry.ts";
import { type Run, runCommand } from "./process/process-run.ts";

/** One of the things that `trailsum` does. */
interface Command<Arguments> extends Omit<CommandEntry, "describe" | "name"> {
  /** Does it. What it throws is reported, and becomes the exit status. */
  readonly run: (given: Arguments, run: Run) => Promise<void>;
}

/** What a command is given: its flags under their names and in camel case, and its operand. */
type Given = Readonly<Record<string, FlagValue>>;

/** A command as `main` runs it. */
export interface DefinedCommand extends Omit<CommandEntry, "describe" | "name"> {
  /** Runs it to its end, and sets the exit status of the process. */
  execute(given: Given): Promise<void>;
}

/** A command; `Arguments` is what its operand and its flags come to. */
export function defineCommand<Arguments>({ run: perform, ...entry }: Command<Arguments>): DefinedCommand {
  return {
    ...entry,
    execute: (given) =>
      runCommand(async (run) => {
        try {
          // What flags come to is known when they are read; `Arguments` declares them.
          await perform(given as Arguments, run);
        } catch (error) {
          run.report(error);
          if (given["json"] === true) await run.print(errorObject(error));
        }
      }),
  };
}
