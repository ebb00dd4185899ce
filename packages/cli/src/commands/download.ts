import { Writable } from "node:stream";

import { redactedTarget, TrailsumError, verifyingFields } from "@trailsum/shared";
import type { CommandModule } from "yargs";

import { defineCommand } from "../command.ts";
import { createProgressBar } from "../progress-bar.ts";
import type { Run } from "../process-run.ts";
import { hexDigests, md5Line } from "../result-line.ts";
import { type TransferArguments, transferFlags, transferOptions } from "../transfer-flags.ts";
import { limitYoungGeneration } from "../young-generation.ts";

interface DownloadArguments extends TransferArguments {
  readonly url: string;
  readonly output?: string | undefined;
  readonly require?: string | undefined;
}

const flags = {
  output: { alias: "o", type: "string", describe: "the file to write, - for standard output", requiresArg: true },
  require: { choices: ["verified"], describe: "keep nothing that could not be verified" },
  ...transferFlags,
} as const;

/** `trailsum download <url>` */
export const downloadCommand: CommandModule = defineCommand<DownloadArguments>({
  command: "download <url>",
  describe: "fetch a URL, and keep it only if its digests are right",
  flags,
  arguments: (argv) => argv.positional("url", { type: "string", demandOption: true }),
  run: downloadOne,
});

async function downloadOne(given: DownloadArguments, run: Run): Promise<void> {
  const { download, targetUrl } = await import("@trailsum/client");
  limitYoungGeneration();
  const url = targetUrl(given.url);
  const output = given.output ?? nameIn(url);
  const bar = await createProgressBar(given.progress && !given.quiet && !(output === "-" && process.stdout.isTTY));
  let before: number | undefined;
  try {
    const { status, verdict } = await download(url, output === "-" ? standardOutput() : output, {
      ...transferOptions(given),
      allowUnverified: given.require !== "verified",
      signal: run.signal,
      onProgress({ transferred, total }) {
        if (before === undefined) bar.expect(total);
        bar.add(transferred - (before ?? 0));
        before = transferred;
      },
    });
    bar.stop();
    if (verdict.name === "unverified") {
      run.warn(`${redactedTarget(url)} came with no digest to verify it by; --require verified refuses such`);
    }
    if (given.quiet) return;
    const { computed } = verdict;
    const told = {
      url: redactedTarget(url),
      file: output,
      status,
      size: computed.size,
      digests: hexDigests(computed),
      verdict: verdict.name,
      verifiedBy: verifyingFields(verdict),
    };
    // Standard output may be taken by what was downloaded.
    const results = output === "-" ? process.stderr : process.stdout;
    await run.print(given.json ? `${JSON.stringify(told)}\n` : md5Line(computed, output), results);
  } finally {
    bar.stop();
  }
}

/** The name that a URL gives what is behind it; `USAGE` where it gives none that can be a file's. */
function nameIn(url: URL): string {
  const segment = url.pathname.split("/").at(-1) ?? "";
  let name = segment;
  try {
    name = decodeURIComponent(segment);
  } catch {
    // An escape that is none is part of the name.
  }
  if (name === "" || name === "." || name === ".." || /[/\\\0]/.test(name)) {
    throw new TrailsumError("USAGE", `${redactedTarget(url)} names no file: say what to call it with -o FILE`);
  }
  return name;
}

/** Standard output cannot be closed, only written to. */
function standardOutput(): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      process.stdout.write(chunk, done);
    },
  });
}
