import { readFileSync } from "node:fs";

import yargs from "yargs";

import { demoCommand } from "./commands/demo.ts";
import { downloadCommand } from "./commands/download.ts";
import { serveCommand } from "./commands/serve.ts";
import { uploadCommand } from "./commands/upload.ts";
import { hideDashes } from "./lone-dash.ts";

/** Everything behind `trailsum`: parses the arguments, runs the command, and sets the exit status of the process. */
export async function main(args: readonly string[]): Promise<void> {
  // A reader of our output that goes away (`| head`) fails the write in hand, not the process.
  process.stdout.on("error", () => {});
  await yargs(hideDashes(args))
    .scriptName("trailsum")
    .usage("$0 <command>\n\nChecksums that travel at the end of the stream.")
    .command(uploadCommand)
    .command(downloadCommand)
    .command(serveCommand)
    .command(demoCommand)
    .demandCommand(1, "say what to do: upload, download, serve or demo")
    .strict()
    .version(version())
    .alias("help", "h")
    .epilogue("Every flag can come from the environment: TRAILSUM_PORT=8080 is --port 8080.")
    .fail((message: string | null, error: Error | undefined) => {
      // Commands report their own errors: what gets here is about the arguments.
      const sentence = message ?? error?.message ?? "not understood";
      process.stderr.write(`trailsum: ${sentence.trim()}\ntrailsum: \`trailsum --help\` says what there is\n`);
      process.exitCode = 2;
    })
    .wrap(110)
    .parseAsync();
}

function version(): string {
  const { version: text } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return text;
}
