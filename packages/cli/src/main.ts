import { TrailsumError } from "@trailsum/shared";

import { commands, loadCommand, loadCommands } from "./commands/index.ts";
import { errorObject } from "./failed-entry.ts";
import { readCommandLine } from "./flags/command-line.ts";
import { commonFlags, type FlagValue } from "./flags/flag.ts";
import { flagValues, refuseUnknownSettings, settingsFile } from "./flags/settings.ts";
import { suggestion } from "./flags/suggestion.ts";
import type { Operand } from "./manual/command-entry.ts";
import { commandHelp, commandsHelp } from "./manual/help-text.ts";
import { visibleText } from "./terminal/visible-text.ts";
import { version } from "./version.ts";

/** Everything that `trailsum` does: reads the arguments, runs the command, and sets the exit status of the process. */
export async function main(given: readonly string[]): Promise<void> {
  const args = helpFlag(given);
  // Flags without a value may come before the command.
  const at = args.findIndex((arg) => !arg.startsWith("-"));
  const name = at === -1 ? undefined : args[at]!;
  const isKnown = name !== undefined && Object.hasOwn(commands, name);
  try {
    if (isKnown) await runNamed(name, args.toSpliced(at, 1));
    else runUnnamed(name, args);
  } catch (error) {
    // Commands report their own errors: what gets here is about the arguments.
    const sentence = (error instanceof Error ? error.message : String(error)).trim().replaceAll(/\s*\n\s*/g, " ");
    const help = isKnown ? `trailsum ${name} --help` : "trailsum --help";
    process.stderr.write(`trailsum: ${visibleText(sentence)}; run '${help}' for usage\n`);
    if (args.includes("--json")) printWhole(errorObject(new TrailsumError("USAGE", sentence)));
    process.exitCode = 2;
  }
}

/** `trailsum help upload` asks for what `trailsum upload --help` prints. */
function helpFlag(args: readonly string[]): readonly string[] {
  const [first, ...rest] = args;
  return first === "help" ? [...rest, "--help"] : args;
}

async function runNamed(name: string, args: readonly string[]): Promise<void> {
  const command = await loadCommand(name);
  const { flags } = command;
  const line = readCommandLine(args, { ...flags, ...commonFlags });
  if (line.flags.get("help") === true) return printWhole(commandHelp(command, columns()));
  if (line.flags.get("version") === true) return printWhole(`${version()}\n`);
  const path = settingsFile(line.flags.get("config"));
  await refuseUnknownSettings(path, flags, everyFlag);
  await command.execute({
    ...flagValues(flags, line.flags, path),
    ...operandValue(command.operand, line.operands),
  });
}

/** Without a command there is help and the version. */
function runUnnamed(name: string | undefined, args: readonly string[]): void {
  if (name !== undefined) {
    throw new Error(`unknown command ${JSON.stringify(name)}${suggestion(name, Object.keys(commands))}`);
  }
  const { flags } = readCommandLine(args, { help: commonFlags["help"]!, version: commonFlags["version"]! });
  if (flags.get("help") === true) {
    return printWhole(
      commandsHelp(
        Object.entries(commands).map(([command, { describe }]) => ({ name: command, describe })),
        columns(),
      ),
    );
  }
  if (flags.get("version") === true) return printWhole(`${version()}\n`);
  throw new Error(`missing command: ${Object.keys(commands).join(", ")}`);
}

function operandValue(operand: Operand | undefined, given: readonly string[]): Record<string, FlagValue> {
  const [first = operand?.default, ...others] = given;
  const unexpected = operand === undefined ? first : operand.many === true ? undefined : others[0];
  if (unexpected !== undefined) throw new Error(`unexpected argument ${JSON.stringify(unexpected)}`);
  if (operand?.many === true) return { [operand.name]: given };
  return operand === undefined || first === undefined ? {} : { [operand.name]: first };
}

async function everyFlag(): Promise<ReadonlySet<string>> {
  return new Set((await loadCommands()).flatMap(({ flags }) => Object.keys(flags)));
}

/** The width of the terminal: absent without one, and 0 on one that does not know it. */
function columns(): number {
  return process.stdout.columns || 80;
}

function printWhole(text: string): void {
  process.stdout.write(text, (error) => {
    if (!error) return;
    process.stderr.write(`trailsum: cannot write to standard output: ${error.message}\n`);
    process.exitCode = 5;
  });
}
