import type { CommandEntry } from "./command-entry.ts";
import { flagEntries, type FlagEntry } from "./flag-entries.ts";

/** The shells that there is completion for. */
export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** A script that a shell reads to complete the commands, their flags, and the values of those that have few. */
export function completionScript(shell: Shell, commands: readonly CommandEntry[]): string {
  if (shell === "bash") return bashScript(commands);
  return shell === "zsh" ? zshScript(commands) : fishScript(commands);
}

/** All spellings of a flag. */
function spellings({ name, alias, negatable }: FlagEntry): string[] {
  return [...(alias === undefined ? [] : [`-${alias}`]), `--${name}`, ...(negatable ? [`--no-${name}`] : [])];
}

/** The words that the operand of a command can be, if there are few. */
function operandValues({ operand }: CommandEntry): readonly string[] {
  return operand?.values ?? [];
}

/** The words that may follow: those of the flag `name`, or of the command itself. */
const words = (list: readonly string[]): string => list.join(" ");

function bashScript(commands: readonly CommandEntry[]): string {
  const cases = commands.map((command) => {
    const flags = flagEntries(command.flags);
    const values = flags
      .filter(({ value }) => value !== undefined)
      .map((flag) => {
        const reply = flag.choices.length > 0 ? `COMPREPLY=($(compgen -W '${words(flag.choices)}' -- "$cur"))` : ":";
        return `        ${spellings(flag).join("|")}) ${reply}; return ;;`;
      });
    return `    ${command.name})
      words='${words([...operandValues(command), ...flags.flatMap(spellings)])}'
      case $prev in
${values.join("\n")}
      esac ;;`;
  });
  return `# bash completion of trailsum: source <(trailsum completion bash)
_trailsum() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} words=
  COMPREPLY=()
  # --flag=value is three words.
  if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W '${words([...commands.map(({ name }) => name), "--help", "--version"])}' -- "$cur"))
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join("\n")}
  esac
  if [[ -n $words && ( $cur == -* || $words != -* ) ]]; then COMPREPLY=($(compgen -W "$words" -- "$cur")); fi
}
complete -o default -F _trailsum trailsum
`;
}

/** Text in single quotes, as every shell of these reads it. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
const zshText = (text: string): string => text.replaceAll(/[[\]:\\]/g, "\\$&");

function zshScript(commands: readonly CommandEntry[]): string {
  const cases = commands.map((command) => {
    const specs = flagEntries(command.flags).flatMap((flag) =>
      spellings(flag).map((spelling) => {
        const repeated = flag.repeatable ? "*" : "";
        const takesValue = flag.value !== undefined;
        // A value follows in the next word, or after =.
        const separator = takesValue ? (spelling.startsWith("--") ? "=" : "+") : "";
        const text = spelling.startsWith("--no-") ? `turn --${flag.name} off` : flag.describe;
        return quoted(`${repeated}${spelling}${separator}[${zshText(text)}]${takesValue ? zshValue(flag) : ""}`);
      }),
    );
    const rest = operandValues(command).length > 0 ? `1:value:(${words(operandValues(command))})` : "*:file:_files";
    return `    ${command.name})
      _arguments -s ${[...specs, quoted(rest)].join(" \\\n        ")} ;;`;
  });
  return `#compdef trailsum
# zsh completion of trailsum: source <(trailsum completion zsh), or as the file _trailsum in a directory of $fpath
_trailsum() {
  if (( CURRENT == 2 )); then
    local -a commands=(
${commands.map(({ name, describe }) => `      ${quoted(`${name}:${zshText(describe)}`)}`).join("\n")}
    )
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join("\n")}
  esac
}
if [[ \${funcstack[1]-} == _trailsum ]]; then _trailsum "$@"; else compdef _trailsum trailsum; fi
`;
}

function zshValue({ value, choices }: FlagEntry): string {
  if (choices.length > 0) return `:value:(${words(choices)})`;
  return value === "file" ? ":file:_files" : `:${value}: `;
}

function fishScript(commands: readonly CommandEntry[]): string {
  const names = commands.map(
    ({ name, describe }) => `complete -c trailsum -f -n __fish_use_subcommand -a ${name} -d ${fishText(describe)}`,
  );
  const flags = commands.flatMap((command) => {
    const of = `complete -c trailsum -n '__fish_seen_subcommand_from ${command.name}'`;
    return [
      ...(operandValues(command).length > 0 ? [`${of} -f -a ${quoted(words(operandValues(command)))}`] : []),
      ...flagEntries(command.flags).flatMap((flag) => fishFlag(of, flag)),
    ];
  });
  return `# fish completion of trailsum: trailsum completion fish | source\n${[...names, ...flags].join("\n")}\n`;
}

function fishFlag(of: string, { name, alias, value, choices, describe, negatable }: FlagEntry): string[] {
  const short = alias === undefined ? "" : ` -s ${alias}`;
  const argument = choices.length > 0 ? ` -x -a ${quoted(words(choices))}` : value === "file" ? " -r -F" : " -x";
  const taken = value === undefined ? "" : argument;
  return [
    `${of} -l ${name}${short}${taken} -d ${fishText(describe)}`,
    ...(negatable ? [`${of} -l no-${name} -d ${fishText(`turn --${name} off`)}`] : []),
  ];
}

/** fish reads \\ and \' in single quotes. */
function fishText(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}
