import { TrailsumError } from "@trailsum/shared";

import { type DefinedCommand, defineCommand } from "../command.ts";
import { completionScript, shells } from "../manual/completion.ts";
import type { CommandEntry } from "../manual/command-entry.ts";
import type { Run } from "../process/process-run.ts";

interface CompletionArguments {
  readonly shell?: string | undefined;
}

/** `trailsum completion <bash|zsh|fish>`; `commands` loads all commands. */
export function completionCommand(commands: () => Promise<readonly CommandEntry[]>): DefinedCommand {
  return defineCommand<CompletionArguments>({
    command: "completion [shell]",
    describe: "print a script that makes a shell complete commands, flags and their values",
    synopsis: `trailsum completion <${shells.join("|")}>`,
    examples: [
      { does: "complete in this shell, and from ~/.bashrc in all", line: "source <(trailsum completion bash)" },
      { does: "complete in zsh, from ~/.zshrc", line: "source <(trailsum completion zsh)" },
      { does: "complete in fish", line: "trailsum completion fish | source" },
    ],
    values: shells,
    flags: {},
    arguments: (argv) => argv.positional("shell", { type: "string", describe: "the shell to complete in" }),
    run: async ({ shell: given }, run: Run) => {
      const shell = shells.find((name) => name === given);
      if (shell === undefined)
        throw new TrailsumError(
          "USAGE",
          `say which shell: trailsum completion ${shells.join(", or trailsum completion ")}`,
        );
      await run.print(completionScript(shell, await commands()));
    },
  });
}
