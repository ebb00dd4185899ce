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
    synopsis: `trailsum completion <${shells.join("|")}>`,
    examples: [
      { does: "complete in this shell, and from ~/.bashrc in all", line: "source <(trailsum completion bash)" },
      { does: "complete in zsh, from ~/.zshrc", line: "source <(trailsum completion zsh)" },
      { does: "complete in fish", line: "trailsum completion fish | source" },
    ],
    flags: {},
    operand: { name: "shell", describe: "the shell to complete in", values: shells },
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
