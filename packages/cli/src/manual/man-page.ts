import type { CommandEntry } from "./command-entry.ts";
import { flagEntries, type FlagEntry } from "./flag-entries.ts";

/** What all pages of one release have in common. */
export interface Edition {
  readonly version: string;
  /** `2026-11-30` */
  readonly date: string;
}

/** Exit statuses, as docs/command.md explains them. */
const STATUSES: readonly (readonly [status: string, meaning: string])[] = [
  ["0", "done, and verified as far as was asked"],
  ["1", "a bug"],
  ["2", "usage"],
  ["3", "connection or protocol: could not connect, lost the connection, timed out"],
  ["4", "the other side refused, for a reason that is not about integrity"],
  ["5", "a local file: cannot read, cannot write, changed while it was read, no space"],
  ["6", "integrity: what arrived is not what was sent"],
  ["7", "integrity could not be established"],
  ["129, 130, 143", "interrupted"],
];

/** The manual pages of the command in section 1, by file name: one for all, and one for each command. */
export function manPages(commands: readonly CommandEntry[], edition: Edition): Map<string, string> {
  return new Map([
    ["trailsum.1", overview(commands, edition)],
    ...commands.map((command) => [`trailsum-${command.name}.1`, commandPage(command, edition)] as const),
  ]);
}

function overview(commands: readonly CommandEntry[], edition: Edition): string {
  return page("trailsum", edition, [
    ...section("NAME", ["trailsum \\- checksums that travel at the end of the stream"]),
    ...section("SYNOPSIS", [".B trailsum", ".I command", "[flags] [arguments]"]),
    ...section("DESCRIPTION", [
      text("A sender hashes content while it sends it, and sends the digest after it, in HTTP trailer fields."),
      text("A receiver hashes while it reads, and makes the content visible only if the digests match."),
    ]),
    ...section(
      "COMMANDS",
      commands.flatMap(({ name, describe }) => [".TP", `.BR trailsum\\-${name} (1)`, text(describe)]),
    ),
    ...section("ENVIRONMENT", [
      text(
        "Every flag can come from a variable, such as TRAILSUM_JSON=1 for --json, or from the JSON file that --config names.",
      ),
      text("The command line takes precedence over the environment, and that over the file."),
    ]),
    ...section(
      "EXIT STATUS",
      STATUSES.flatMap(([status, meaning]) => [".TP", `.B ${escaped(status)}`, text(meaning)]),
    ),
    ...section("SEE ALSO", [seeAlso(commands.map(({ name }) => `trailsum-${name}`))]),
  ]);
}

function commandPage(command: CommandEntry, edition: Edition): string {
  const { name, describe, synopsis, about, operand, flags, examples } = command;
  const title = `trailsum-${name}`;
  const [, , ...rest] = synopsis.split(" ");
  return page(title, edition, [
    ...section("NAME", [`${escaped(title)} \\- ${escaped(describe)}`]),
    ...section("SYNOPSIS", [`.B trailsum ${name}`, "[flags]", ...(rest.length === 0 ? [] : [text(rest.join(" "))])]),
    ...section("DESCRIPTION", [
      text(`${describe.charAt(0).toUpperCase()}${describe.slice(1)}.`),
      ...(about === undefined ? [] : [text(about)]),
      ...(operand === undefined ? [] : [".TP", `.I ${escaped(operand.name)}`, text(operand.describe)]),
    ]),
    ...section("OPTIONS", flagEntries(flags).flatMap(flagItem)),
    ...section(
      "EXAMPLES",
      examples.flatMap(({ does, line }) => [".TP", text(`${does}:`), ".EX", text(line), ".EE"]),
    ),
    ...section("SEE ALSO", [seeAlso(["trailsum"])]),
  ]);
}

function page(title: string, { version, date }: Edition, lines: readonly string[]): string {
  const heading = `.TH ${escaped(title.toUpperCase())} 1 ${date} "trailsum ${version}" "User Commands"`;
  // Flags are not hyphenated, and lines not stretched.
  return `${[heading, ".nh", ".ad l", ...lines].join("\n")}\n`;
}

function section(name: string, lines: readonly string[]): string[] {
  return [`.SH ${name.includes(" ") ? `"${name}"` : name}`, ...lines];
}

function flagItem({ name, alias, value, choices, default: byDefault, describe, negatable }: FlagEntry): string[] {
  const names = [...(alias === undefined ? [] : [`-${alias}`]), `--${name}`, ...(negatable ? [`--no-${name}`] : [])];
  const term = names.map((spelling) => `\\fB${escaped(spelling)}\\fR`).join(", ");
  const facts = [
    describe,
    ...(choices.length > 0 ? [`one of ${choices.join(", ")}`] : []),
    ...(byDefault === undefined ? [] : [`default ${byDefault}`]),
  ];
  return [".TP", value === undefined ? term : `${term} \\fI${value}\\fR`, text(`${facts.join("; ")}.`)];
}

function seeAlso(names: readonly string[]): string {
  return names.map((name, at) => `.BR ${escaped(name)} (1)${at === names.length - 1 ? "" : ","}`).join("\n");
}

/** A line of text, which roff must not take for a request. */
function text(line: string): string {
  return escaped(line).replace(/^(?=[.'])/, "\\&");
}

/** Characters that roff would replace: a dash is one that can be copied, and quotes are straight. */
function escaped(line: string): string {
  return line.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("'", "\\(aq").replaceAll("`", "\\(ga");
}
