import { Writable } from "node:stream";

import {
  parseAlgorithm,
  parseRequirements,
  redactedTarget,
  type Requirement,
  TrailsumError,
  verifyingFields,
  weakestAlgorithm,
} from "@trailsum/shared";

import { type DefinedCommand, defineCommand } from "../command.ts";
import { authorizedTarget, credentialFlags } from "../credentials.ts";
import { createProgressBar } from "../progress-bar.ts";
import type { Run } from "../process-run.ts";
import { hexDigests, digestLine } from "../result-line.ts";
import { digestFlag, listOf, type TransferArguments, transferFlags, transferOptions } from "../transfer-flags.ts";
import { limitYoungGeneration } from "../young-generation.ts";

interface DownloadArguments extends TransferArguments {
  readonly url?: string | undefined;
  readonly output?: string | undefined;
  readonly require: string;
}

const flags = {
  output: { alias: "o", type: "string", describe: "the file to write, - for standard output", requiresArg: true },
  require: {
    type: "string",
    default: "",
    describe:
      "keep nothing that is not: verified (by what --digest names, or stronger); or a list such as sha-256,size",
    requiresArg: true,
  },
  ...credentialFlags,
  digest: digestFlag("ask for and compute these digests too, and print the first"),
  ...transferFlags,
} as const;

/** `trailsum download <url>` */
export const downloadCommand: DefinedCommand = defineCommand<DownloadArguments>({
  command: "download [url]",
  describe: "fetch a URL, and keep the content only if its digests match",
  flags,
  arguments: (argv) => argv.positional("url", { type: "string", describe: "what to download" }),
  run: downloadOne,
});

async function downloadOne(given: DownloadArguments, run: Run): Promise<void> {
  const { download, targetUrl } = await import("@trailsum/client");
  limitYoungGeneration();
  if (given.url === undefined) throw new TrailsumError("USAGE", "say what to download: trailsum download URL");
  const { target, authorization } = authorizedTarget(given.url, given);
  const url = targetUrl(target);
  const transfer = transferOptions(given);
  const output = given.output ?? nameIn(url);
  const bar = await createProgressBar(given.progress && !given.quiet && !(output === "-" && process.stdout.isTTY));
  let before: number | undefined;
  try {
    const { status, verdict } = await download(url, output === "-" ? standardOutput() : output, {
      ...transfer,
      headers: [...transfer.headers, ...authorization],
      allowUnverified: given.require === "",
      require: requirements(given),
      signal: run.signal,
      onProgress({ transferred, total }) {
        if (before === undefined) bar.expect(total);
        bar.add(transferred - (before ?? 0));
        before = transferred;
      },
    });
    bar.end();
    if (verdict.name === "unverified") {
      run.warn(`warning: ${redactedTarget(url)} sent no digest: kept unverified (--require verified rejects this)`);
    }
    if (given.quiet) return;
    const { computed } = verdict;
    const report = {
      url: redactedTarget(url),
      file: output,
      status,
      size: computed.size,
      digests: hexDigests(computed),
      verdict: verdict.name,
      verifiedBy: verifyingFields(verdict),
      algorithms: verdict.algorithms,
    };
    // Standard output may be taken by what was downloaded.
    const results = output === "-" ? process.stderr : process.stdout;
    await run.print(
      given.json ? `${JSON.stringify(report)}\n` : digestLine(computed, output, transfer.digests),
      results,
    );
  } finally {
    bar.end();
  }
}

/** What `--require` demands: with `verified`, the least of the algorithms that `--digest` names. */
function requirements({ require, digest }: DownloadArguments): Requirement[] {
  const named = listOf(require);
  const isVerified = (name: string): boolean => name.toLowerCase() === "verified";
  const least = weakestAlgorithm(listOf(digest ?? "").map(parseAlgorithm));
  return [
    ...parseRequirements(named.filter((name) => !isVerified(name))),
    ...(named.some(isVerified) && least !== undefined ? [least] : []),
  ];
}

/** The file name in a URL; `USAGE` if it has none that a file can have. */
function nameIn(url: URL): string {
  const segment = url.pathname.split("/").at(-1) ?? "";
  let name = segment;
  try {
    name = decodeURIComponent(segment);
  } catch {
    // A malformed escape is part of the name.
  }
  if (name === "" || name === "." || name === ".." || /[/\\\0]/.test(name)) {
    throw new TrailsumError("USAGE", `${redactedTarget(url)} names no file: choose a name with -o FILE`);
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
