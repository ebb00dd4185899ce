import yargs, { type CommandModule } from "yargs";

import { hideDashes } from "./leading-dashes.ts";
import { version } from "./version.ts";

/** Every command, in the order in which they are listed. Each is loaded when it is needed, and of most runs one is. */
const commands: Readonly<Record<string, () => Promise<CommandModule>>> = {
  upload: async () => (await import("./commands/upload.ts")).uploadCommand,
  download: async () => (await import("./commands/download.ts")).downloadCommand,
  serve: async () => (await import("./commands/serve.ts")).serveCommand,
  proxy: async () => (await import("./commands/proxy.ts")).proxyCommand,
  demo: async () => (await import("./commands/demo.ts")).demoCommand,
};

/** Everything behind `trailsum`: parses the arguments, runs the command, and sets the exit status of the process. */
export async function main(args: readonly string[]): Promise<void> {
  const [first = ""] = args;
  const needed = Object.hasOwn(commands, first) ? [commands[first]!] : Object.values(commands);
  const parser = yargs(hideDashes(args))
    .scriptName("trailsum")
    .usage("$0 <command>\n\nChecksums that travel at the end of the stream.")
    .command(await Promise.all(needed.map((load) => load())))
    .demandCommand(1, "say what to do: upload, download, serve, proxy or demo")
    .strict()
    .version(version())
    .alias("help", "h")
    .detectLocale(false)
    .updateStrings(sentences)
    .epilogue("Every flag can come from the environment: TRAILSUM_PORT=8080 is --port 8080.")
    // yargs would go on and run the command all the same; only what is thrown stops it.
    .fail((message: string | null, error: Error | undefined) => {
      throw error ?? new Error(message ?? "not understood");
    })
    .wrap(110);
  try {
    await parser.parseAsync();
  } catch (error) {
    // Commands report their own errors: what gets here is about the arguments.
    const sentence = (error instanceof Error ? error.message : String(error)).trim().replaceAll(/\s*\n\s*/g, " ");
    process.stderr.write(`trailsum: ${sentence}; trailsum --help says what there is\n`);
    process.exitCode = 2;
  }
}

/** What yargs says, in the words of everything else here. */
const sentences: Record<string, string> = {
  "Invalid values:": " ",
  "Argument: %s, Given: %s, Choices: %s": "--%s cannot be %s: use %s",
  "Not enough arguments following: %s": "a value must follow %s",
};
