import { TrailsumError } from "@trailsum/shared";
import yargs from "yargs";

import type { DefinedCommand } from "./command.ts";
import { commands, loadCommands } from "./commands/index.ts";
import { errorObject } from "./failed-entry.ts";
import { refuseMisreadValues } from "./flags/flag-values.ts";
import { hideDashes } from "./flags/leading-dashes.ts";
import { type Flags, refuseUnknownSettings } from "./flags/settings.ts";
import { suggestion } from "./flags/suggestion.ts";
import { version } from "./version.ts";
import { visibleText } from "./terminal/visible-text.ts";

/** Everything that `trailsum` does: parses the arguments, runs the command, and sets the exit status of the process. */
export async function main(args: readonly string[]): Promise<void> {
  const [first = ""] = args;
  const command = Object.hasOwn(commands, first) ? await commands[first]?.() : undefined;
  try {
    if (command === undefined && /^\w/.test(first)) {
      throw new Error(`unknown command ${JSON.stringify(first)}${suggestion(first, Object.keys(commands))}`);
    }
    await parse(args, command);
  } catch (error) {
    // Commands report their own errors: what gets here is about the arguments.
    const sentence = (error instanceof Error ? error.message : String(error)).trim().replaceAll(/\s*\n\s*/g, " ");
    const help = command === undefined ? "trailsum --help" : `trailsum ${first} --help`;
    process.stderr.write(`trailsum: ${visibleText(sentence)}; run '${help}' for usage\n`);
    if (args.includes("--json")) process.stdout.write(errorObject(new TrailsumError("USAGE", sentence)), unlessWritten);
    process.exitCode = 2;
  }
}

async function parse(args: readonly string[], command: DefinedCommand | undefined): Promise<void> {
  const flags = command?.flags ?? {};
  refuseMisreadValues(args, flags);
  const parser = yargs()
    .scriptName("trailsum")
    .usage("$0 <command>\n\nChecksums that travel at the end of the stream.")
    .command((command === undefined ? await loadCommands() : [command]).map(({ module }) => module))
    .demandCommand(1, `say what to do: ${Object.keys(commands).join(", ")}`)
    .strict()
    .parserConfiguration({ "dot-notation": false })
    .version(version())
    .alias("help", "h")
    .detectLocale(false)
    .updateStrings(sentences)
    .epilogue("Run 'trailsum <command> --help' for the flags of a command.")
    .middleware((argv) => refuseUnknownSettings(argv["config"] as string | undefined, flags, everyFlag))
    // yargs would go on and run the command all the same; only what is thrown stops it.
    .fail((message: string | null, error: Error | undefined) => {
      throw error ?? new Error(unknownArguments(message ?? "not understood", flags, args));
    })
    // Absent without a terminal, and 0 on one that does not know its width.
    .wrap(process.stdout.columns || 80);
  await parser.parseAsync(hideDashes(args), {}, (_error, _argv, output) => {
    // Help, or the version: yargs would print it with `console.log`, and not notice that it cannot.
    if (output !== "") process.stdout.write(`${output}\n`, unlessWritten);
  });
}

async function everyFlag(): Promise<ReadonlySet<string>> {
  return new Set((await loadCommands()).flatMap(({ flags }) => Object.keys(flags)));
}

function unlessWritten(error: Error | null | undefined): void {
  if (!error) return;
  process.stderr.write(`trailsum: cannot write to standard output: ${error.message}\n`);
  process.exitCode = 5;
}

const UNKNOWN = "unknown: ";

/** What yargs says, in the words of everything else here. */
const sentences = {
  "Invalid values:": " ",
  "Argument: %s, Given: %s, Choices: %s": "--%s cannot be %s: use %s",
  "Not enough arguments following: %s": "a value must follow %s",
  "Unknown argument: %s": { one: `${UNKNOWN}%s`, other: `${UNKNOWN}%s` },
} as unknown as Record<string, string>;

/** What is said of arguments that yargs does not know: the first of them, and what may have been meant. */
function unknownArguments(message: string, flags: Flags, args: readonly string[]): string {
  if (!message.startsWith(UNKNOWN)) return message;
  const [name = ""] = message.slice(UNKNOWN.length).split(", ");
  const dashes = name.length === 1 ? "-" : "--";
  const isFlag = args.some((arg) => arg.startsWith(dashes + name) || arg.startsWith(`--no-${name}`));
  if (!isFlag) return `unexpected argument ${JSON.stringify(name)}`;
  return `unknown flag ${dashes}${name}${suggestion(name, [...Object.keys(flags), "config", "help", "version"], "--")}`;
}
