import type { CommandEntry, Example } from "./command-entry.ts";
import { wrappedText } from "../terminal/wrapped-text.ts";
import { flagEntries, type FlagEntry } from "./flag-entries.ts";

/** What is before a description, where there is room for it. Columns. */
const TERM = 26;
/** Lines are not made longer than this, however wide the terminal is: they would be hard to read. */
const WIDEST = 120;
/** Nor shorter, however narrow it is. */
const NARROWEST = 40;

/** What `trailsum --help` prints. */
export function commandsHelp(commands: readonly { name: string; describe: string }[], columns: number): string {
  return `Usage: trailsum <command>

Checksums that travel at the end of the stream.

Commands:
${table(
  commands.map(({ name, describe }) => [`trailsum ${name}`, describe]),
  columns,
)}

Options:
${table(
  [
    ["-h, --help", "show help"],
    ["    --version", "show the version"],
  ],
  columns,
)}

Run 'trailsum <command> --help' for the flags of a command.
`;
}

/** What `trailsum <command> --help` prints. */
export function commandHelp(command: CommandEntry, columns: number): string {
  const { describe, synopsis, about, operand, flags, examples } = command;
  const paragraphs = [
    ...wrapped(`${describe.charAt(0).toUpperCase()}${describe.slice(1)}.`, columns),
    ...(about === undefined ? [] : wrapped(about, columns)),
  ];
  const rows = flagEntries(flags).map((flag): [string, string] => [flagTerm(flag), flagText(flag)]);
  const shown = examples.map((example) => exampleText(example, columns));
  const sections = [
    `Usage: ${synopsis}`,
    paragraphs.join("\n"),
    ...(operand === undefined ? [] : [`Arguments:\n${table([[operand.name, operandText(operand)]], columns)}`]),
    `Options:\n${table(rows, columns)}`,
    `Examples:\n${shown.join("\n")}`,
    wrapped(
      "Every flag can come from the environment (TRAILSUM_JSON=1 is --json) or from the file that --config names.",
      columns,
    ).join("\n"),
  ];
  return `${sections.join("\n\n")}\n`;
}

/** A command, in lines that can be copied to a shell, and what it does. */
function exampleText({ does, line }: Example, columns: number): string {
  return [wrapped(line, columns - 2, 2).join(" \\\n  "), ...wrapped(does, columns, 6)].join("\n");
}

/** `-X, --method TEXT` */
function flagTerm({ name, alias, value }: FlagEntry): string {
  const short = alias === undefined ? "    " : `-${alias}, `;
  return `${short}--${name}${value === undefined ? "" : ` ${value.toUpperCase()}`}`;
}

function flagText({ describe, choices, default: byDefault }: FlagEntry): string {
  const facts = [
    ...(choices.length > 0 ? [choices.join(", ")] : []),
    ...(byDefault === undefined ? [] : [`default ${byDefault}`]),
  ];
  return facts.length === 0 ? describe : `${describe} (${facts.join("; ")})`;
}

function operandText({ describe, default: byDefault }: { describe: string; default?: string }): string {
  return byDefault === undefined ? describe : `${describe} (default ${byDefault})`;
}

/** Terms, and beside them what they mean; below them where a term is too long. */
function table(rows: readonly (readonly [term: string, text: string])[], columns: number): string {
  const room = Math.min(TERM, Math.max(...rows.map(([term]) => term.length)));
  const lines = rows.flatMap(([term, text]) => {
    const [first = "", ...others] = wrapped(text, columns, room + 4);
    if (term.length > room) return [`  ${term}`, first, ...others];
    return [`  ${term.padEnd(room)}  ${first.trimStart()}`, ...others];
  });
  return lines.join("\n");
}

/** Text in lines that are neither too long to be read nor too short. */
function wrapped(text: string, columns: number, indent = 0): string[] {
  return wrappedText(text, Math.max(NARROWEST, Math.min(WIDEST, columns)), indent);
}
