import type { CommandEntry } from "./command-entry.ts";
import { flagEntries, type FlagEntry } from "./flag-entries.ts";

/** One page in Markdown with every flag of every command. */
export function flagsPage(commands: readonly CommandEntry[], introduction: string): string {
  return `${introduction}\n${commands.map(section).join("\n")}`;
}

function section({ name, describe, synopsis, flags, examples }: CommandEntry): string {
  const items = flagEntries(flags).map(item);
  const shown = examples.flatMap(({ does, line }) => [`# ${does}`, line]);
  return `## ${name}

${capitalized(describe)}.

\`${synopsis}\`

\`\`\`sh
${shown.join("\n")}
\`\`\`

${items.join("\n")}
`;
}

function item(flag: FlagEntry): string {
  const facts = [
    ...(flag.choices.length > 0 ? [`one of ${flag.choices.map((choice) => `\`${choice}\``).join(", ")}`] : []),
    ...(flag.default === undefined ? [] : [`default \`${flag.default}\``]),
  ];
  const more = facts.length === 0 ? "" : `; ${facts.join(", ")}`;
  return `- ${flagTerm(flag)}: ${flag.describe.replaceAll(/[*<|]/g, "\\$&")}${more}`;
}

/** `-X`, `--method VALUE` */
function flagTerm({ name, alias, value }: FlagEntry): string {
  const long = `--${name}${value === undefined ? "" : ` ${value.toUpperCase()}`}`;
  return [...(alias === undefined ? [] : [`-${alias}`]), long].map((spelling) => `\`${spelling}\``).join(", ");
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
