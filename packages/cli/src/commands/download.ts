import { Writable } from "node:stream";

import type { DownloadOptions, DownloadResult } from "@trailsum/client";
import {
  type Algorithm,
  parseRequirements,
  redactedTarget,
  type Requirement,
  TrailsumError,
  verifyingFields,
  weakestAlgorithm,
} from "@trailsum/shared";

import { checksumFlag, checksums } from "../flags/checksum-flag.ts";
import { algorithmNamed } from "../flags/algorithm-names.ts";
import { connectionDispatcher, connectionFlags } from "../flags/connection-flags.ts";
import { type DefinedCommand, defineCommand } from "../command.ts";
import { authorizedTarget, credentialFlags } from "../flags/credentials.ts";
import { type DownloadEntry, downloadList, type DownloadTarget, makeWayBelow } from "../files/download-list.ts";
import { describedError, isFinal } from "../failed-entry.ts";
import { createProgressBar, downloadPhases, type FileProgress } from "../terminal/progress-bar.ts";
import type { Run } from "../process/process-run.ts";
import { bytesPerSecond, rateFlag } from "../flags/rate-flag.ts";
import { hexDigests, digestLine } from "../result-line.ts";
import { sumsFlags, sumsOf, type SumsArguments } from "../flags/sums-flags.ts";
import {
  checkedJobs,
  digestFlag,
  listOf,
  type TransferArguments,
  transferFlags,
  transferOptions,
} from "../flags/transfer-flags.ts";
import { showWire } from "../terminal/verbose.ts";
import { limitYoungGeneration } from "../process/v8-flags.ts";

interface DownloadArguments extends TransferArguments, SumsArguments {
  readonly urls: readonly string[];
  readonly output?: string | undefined;
  readonly require: string;
  readonly checksum?: readonly string[] | undefined;
  readonly continue: boolean;
  readonly recursive: boolean;
  readonly jobs?: number | undefined;
  readonly "skip-unchanged": boolean;
  readonly "limit-rate"?: string | undefined;
}

const flags = {
  output: {
    alias: "o",
    type: "string",
    describe: "the file to write, DIR/ to write files into, - for standard output",
  },
  require: {
    type: "string",
    default: "",
    describe:
      "keep only what is verified (by an algorithm of --digest, or a stronger one), or has a list such as sha-256,size",
  },
  ...credentialFlags,
  ...connectionFlags,
  digest: digestFlag("ask for and compute these digests too, and print the first"),
  checksum: checksumFlag,
  ...sumsFlags,
  continue: {
    alias: "C",
    type: "boolean",
    default: false,
    describe: "continue an interrupted download, and keep partial content if interrupted",
  },
  recursive: {
    alias: "r",
    type: "boolean",
    default: false,
    describe: "download everything below a directory of a trailsum server",
  },
  jobs: {
    type: "number",
    describe: "files at a time (4); of a single URL: ranges at a time (1)",
  },
  "skip-unchanged": {
    type: "boolean",
    default: false,
    describe: "skip files that are the same on the server, by their digests",
  },
  "limit-rate": rateFlag,
  ...transferFlags,
} as const;

/** `trailsum download <url...>` */
export const downloadCommand: DefinedCommand = defineCommand<DownloadArguments>({
  synopsis: "trailsum download <url...>",
  examples: [
    {
      does: "fetch a file, and keep it only if it is what the server has",
      line: "trailsum download https://host/backup.tar --require verified",
    },
    { does: "continue a download that was interrupted", line: "trailsum download -C https://host/backup.tar" },
    { does: "fetch everything below a directory", line: "trailsum download -r https://host/album/ -o album" },
    {
      does: "unpack while it arrives; tar fails if it does not verify",
      line: "trailsum download https://host/backup.tar -o - | tar x",
    },
  ],
  flags,
  operand: { name: "urls", many: true, describe: "what to download" },
  run: downloadAll,
});

const FILES_AT_A_TIME = 4;

/** Names of standard output. As a file it would be replaced by the download, with what others have written to it. */
const STANDARD_OUTPUT: ReadonlySet<string> = new Set(["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"]);

async function downloadAll(given: DownloadArguments, run: Run): Promise<void> {
  const { createRateLimit, download, targetUrl } = await import("@trailsum/client");
  limitYoungGeneration();
  const targets = given.urls.map((url): DownloadTarget => {
    const { target, authorization } = authorizedTarget(url, given);
    return { url: targetUrl(target), authorization };
  });
  if (targets.length === 0) throw new TrailsumError("USAGE", "missing URL: trailsum download URL");
  const { recursive } = given;
  const output = given.output !== undefined && STANDARD_OUTPUT.has(given.output) ? "-" : given.output;
  const isOne = targets.length === 1 && !recursive;
  const jobs = checkedJobs(given.jobs ?? (isOne ? 1 : FILES_AT_A_TIME));
  const checksumFlags = checksums(given.checksum);
  if (!isOne && Object.keys(checksumFlags).length > 0)
    throw new TrailsumError("USAGE", "--checksum is for a single URL: use --sums FILE for several");
  const rate = bytesPerSecond(given["limit-rate"]);
  const sums = await sumsOf(given, run);
  const transfer = transferOptions(given);
  const dispatcher = await connectionDispatcher(given, run);
  const options: DownloadOptions = {
    ...transfer,
    algorithms: [...(transfer.algorithms ?? []), ...sums.algorithms],
    allowUnverified: given.require === "",
    require: requirements(given),
    continue: given.continue,
    skipUnchanged: given["skip-unchanged"],
    signal: run.signal,
    ...(dispatcher && { dispatcher }),
    ...(isOne ? { jobs } : {}),
    ...(rate === undefined ? {} : { limitRate: createRateLimit(rate) }),
  };
  const isInTheWay = output === "-" && process.stdout.isTTY;
  const bar = await createProgressBar(given.progress && !given.quiet && !isInTheWay, downloadPhases);
  if (!recursive) for (const _target of targets) bar.found(undefined);
  await showWire(given.verbose, bar);
  const { headers, retries } = transfer;
  const entries = downloadList(targets, {
    output,
    recursive,
    headers,
    retries,
    signal: run.signal,
    ...(dispatcher && { dispatcher }),
  });

  const downloadOne = async (entry: DownloadEntry, progress: FileProgress): Promise<void> => {
    const checksum: Partial<Record<Algorithm, string | Uint8Array>> = {
      ...checksumFlags,
      ...sums.checksumOf(entry.name),
    };
    if (entry.below !== undefined) await makeWayBelow(entry.below, entry.output);
    const destination = entry.output === "-" ? standardOutput() : entry.output;
    const result = await download(entry.url, destination, {
      ...options,
      headers: [...headers, ...entry.authorization],
      checksum,
      onProgress: (moved) => progress.advance(moved),
    });
    progress.end("complete");
    sums.add(entry.output, result.verdict.computed);
    if (result.verdict.name === "unverified") {
      bar.erase();
      run.warn(
        `warning: ${redactedTarget(entry.url)} sent no digest: kept unverified (--require verified rejects this)`,
      );
    }
    await printResult(entry, result);
  };

  const printResult = async ({ url, output: file }: DownloadEntry, result: DownloadResult): Promise<void> => {
    if (given.quiet) return;
    const { status, unchanged, verdict } = result;
    const { computed } = verdict;
    const report = {
      url: redactedTarget(url),
      file,
      status,
      size: computed.size,
      digests: hexDigests(computed),
      verdict: verdict.name,
      verifiedBy: verifyingFields(verdict),
      algorithms: verdict.algorithms,
      ...(verdict.expected.length > 0 && { checksums: verdict.expected.map(({ algorithm }) => algorithm) }),
      ...(unchanged && { unchanged }),
    };
    // Standard output may be taken by what was downloaded.
    const results = file === "-" ? process.stderr : process.stdout;
    if (results.isTTY) bar.erase();
    await run.print(
      given.json ? `${JSON.stringify(report)}\n` : digestLine(computed, file, transfer.algorithms),
      results,
    );
  };

  const worker = async (): Promise<void> => {
    // All workers take from one list; a worker that leaves the loop ends the list for the others too.
    for await (const entry of entries) {
      if (recursive) bar.found(undefined);
      const progress = bar.begin(entry.output, undefined);
      try {
        await downloadOne(entry, progress);
      } catch (error) {
        progress.end("failed");
        bar.erase();
        run.report(error);
        const { url, output: file } = entry;
        if (given.json && file !== "-")
          await run.print(`${JSON.stringify({ url: redactedTarget(url), file, error: describedError(error) })}\n`);
        if (isFinal(error, recursive ? "one server" : "several servers")) break;
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: isOne ? 1 : jobs }, worker));
  } finally {
    bar.end();
  }
  await sums.write();
}

/** What `--require` demands: with `verified`, the least of the algorithms that `--digest` names. */
function requirements({ require, digest }: DownloadArguments): Requirement[] {
  const named = listOf(require);
  const isVerified = (name: string): boolean => name.toLowerCase() === "verified";
  const least = weakestAlgorithm(listOf(digest ?? "").map(algorithmNamed));
  return [
    ...parseRequirements(named.filter((name) => !isVerified(name))),
    ...(named.some(isVerified) && least !== undefined ? [least] : []),
  ];
}

/** Standard output cannot be closed, only written to. */
function standardOutput(): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      process.stdout.write(chunk, done);
    },
  });
}
