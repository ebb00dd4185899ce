import type {
  DeliveryChoice,
  PathKnowledge,
  Progress,
  RateLimit,
  TrailerAgent,
  UploadResult,
  UploadSigning,
} from "@trailsum/client";
import { type Algorithm, redactedTarget, TrailsumError } from "@trailsum/shared";

import { connectionDispatcher, connectionFlags } from "../flags/connection-flags.ts";
import { type DefinedCommand, defineCommand } from "../command.ts";
import { authorizedTarget, credentialFlags } from "../flags/credentials.ts";
import { pathText } from "../files/file-path.ts";
import { describedError, isFinal } from "../failed-entry.ts";
import { createPathCache } from "../path-cache.ts";
import { createProgressBar, type FileProgress, type ProgressBar, uploadPhases } from "../terminal/progress-bar.ts";
import type { Run } from "../process/process-run.ts";
import { bytesPerSecond, rateFlag } from "../flags/rate-flag.ts";
import { hexDigests, digestLine } from "../result-line.ts";
import { checkReceiptFlag, writeReceipt } from "../files/receipt-file.ts";
import { createSmallFileReader } from "../files/small-file.ts";
import { readSigningKey } from "../flags/signature-flags.ts";
import { sumsFlags, sumsOf, type SumsArguments } from "../flags/sums-flags.ts";
import {
  checkedJobs,
  digestFlag,
  type TransferArguments,
  transferFlags,
  transferOptions,
} from "../flags/transfer-flags.ts";
import { type UnlistedEntry, type UploadEntry, uploadList, type UploadListOptions } from "../files/upload-list.ts";
import { showWire } from "../terminal/verbose.ts";
import { limitYoungGeneration } from "../process/v8-flags.ts";

interface UploadArguments extends TransferArguments, SumsArguments {
  readonly files: readonly string[];
  readonly method: "PUT" | "POST";
  readonly jobs: number;
  readonly links: "follow" | "skip";
  readonly delivery: DeliveryChoice;
  readonly deliveryCache: boolean;
  readonly continue: boolean;
  readonly "skip-unchanged": boolean;
  readonly "limit-rate"?: string | undefined;
  readonly "sign-key"?: string | undefined;
  readonly receipt?: string | undefined;
}

const deliveryChoices = ["auto", "trailers", "header", "two-step"] as const satisfies readonly DeliveryChoice[];

const upperCase = (text: string): string => text.toUpperCase();

const flags = {
  method: {
    alias: "X",
    choices: ["PUT", "POST"],
    default: "PUT",
    coerce: upperCase,
    describe: "request method",
  },
  jobs: { type: "number", default: 4, describe: "upload this many files at a time" },
  links: {
    choices: ["follow", "skip"],
    default: "follow",
    describe: "symbolic links in a directory: upload their targets, or skip them",
  },
  delivery: {
    choices: deliveryChoices,
    default: "auto",
    describe: "how digests reach the server: after the content, before it, in a second request, or as the path allows",
  },
  "delivery-cache": {
    type: "boolean",
    default: true,
    describe: "remember for a day what paths do to trailers; --no-delivery-cache neither reads nor writes that file",
  },
  ...sumsFlags,
  continue: {
    alias: "C",
    type: "boolean",
    default: false,
    describe: "continue an interrupted upload of the same file, if the server has upload resources",
  },
  "skip-unchanged": {
    type: "boolean",
    default: false,
    describe: "skip files that the server already has, by their digests",
  },
  "limit-rate": rateFlag,
  "sign-key": {
    type: "string",
    describe: "sign uploads with the key in this file: an Ed25519 key in PEM, or a JWK (Ed25519, or a secret for HMAC)",
  },
  receipt: {
    type: "string",
    describe: "write the server's receipt to this file, for trailsum verify --receipt; for one file only",
  },
  ...credentialFlags,
  ...connectionFlags,
  digest: digestFlag("send these digests (default: sha-256), and print the first as sha256sum does"),
  ...transferFlags,
} as const;

/** `trailsum upload <file|dir...|-> <url>` */
export const uploadCommand: DefinedCommand = defineCommand<UploadArguments>({
  synopsis: "trailsum upload <file|dir...|-> <url>",
  about: "If the URL ends in /, each file keeps its name.",
  examples: [
    { does: "send one file, and print its digest", line: "trailsum upload backup.tar https://host/backup.tar" },
    {
      does: "send everything below a directory, 8 files at a time",
      line: "trailsum upload photos https://host/album/ --jobs 8",
    },
    { does: "send a stream of unknown length", line: "tar c . | trailsum upload - https://host/backup.tar" },
    {
      does: "send what is new or has changed, and retry after failures",
      line: "trailsum upload . https://host/mirror/ --skip-unchanged --retry 5",
    },
  ],
  flags,
  operand: { name: "files", many: true, describe: "files or directories, then the destination URL" },
  run: uploadAll,
});

interface Job {
  readonly method: "PUT" | "POST";
  readonly algorithms: readonly Algorithm[] | undefined;
  readonly md5: boolean;
  readonly headers: [string, string][];
  readonly retries: number;
  readonly delivery: DeliveryChoice;
  readonly paths?: PathKnowledge;
  readonly skipUnchanged: boolean;
  readonly limitRate?: RateLimit;
  readonly dispatcher?: TrailerAgent;
  readonly sign?: UploadSigning;
}

async function uploadAll(given: UploadArguments, run: Run): Promise<void> {
  const { createRateLimit, targetUrl, upload } = await import("@trailsum/client");
  limitYoungGeneration();
  const paths = given.files.slice(0, -1).map(String);
  if (paths.length === 0) throw new TrailsumError("USAGE", "missing file or URL: trailsum upload FILE URL");
  const { target, authorization } = authorizedTarget(String(given.files.at(-1)), given);
  const url = targetUrl(target).href;
  checkedJobs(given.jobs);
  const options = transferOptions(given);
  const rate = bytesPerSecond(given["limit-rate"]);
  const sums = await sumsOf(given, run);
  const dispatcher = await connectionDispatcher(given, run);
  const job: Job = {
    ...options,
    ...(dispatcher && { dispatcher }),
    ...(given.deliveryCache ? { paths: createPathCache() } : {}),
    ...(sums.algorithms.length > 0 && { algorithms: [...(options.algorithms ?? ["sha-256"]), ...sums.algorithms] }),
    skipUnchanged: given["skip-unchanged"],
    ...(rate !== undefined && { limitRate: createRateLimit(rate) }),
    method: given.method,
    delivery: given.delivery,
    ...(given["sign-key"] !== undefined && { sign: { key: await readSigningKey(given["sign-key"], run.signal) } }),
    headers: [...options.headers, ...authorization],
  };
  await checkReceiptFlag(given.receipt, paths);
  const bar = await createProgressBar(given.progress && !given.quiet, uploadPhases);
  await showWire(given.verbose, bar);
  const entries = uploadList(paths, url, { links: given.links, sizes: bar.shown, signal: run.signal });
  if (bar.shown) void countFiles(paths, url, { links: given.links, sizes: true, signal: run.signal }, bar);
  const readSmall = createSmallFileReader();

  const uploadOne = async (entry: UploadEntry, progress: FileProgress): Promise<void> => {
    const source = (entry.isFile && readSmall(entry.path)) || entry.source;
    const onProgress = bar.shown ? { onProgress: (moved: Progress) => progress.advance(moved) } : {};
    const result = await upload(entry.url, source, {
      ...job,
      checksum: sums.checksumOf(entry.path),
      // What is in memory is small, and not worth it.
      continue: given.continue && !(source instanceof Uint8Array),
      signal: run.signal,
      ...onProgress,
    });
    progress.end("complete");
    sums.add(entry.path, result.digests);
    if (given.receipt !== undefined) await writeReceipt(given.receipt, result);
    warnOfSeeOther(entry, result);
    if (given.verbose > 0) {
      bar.erase();
      run.warn(`${pathText(entry.path)}: delivered by ${result.delivery.mode}: ${result.delivery.reason}`);
    }
    if (given.quiet) return;
    if (process.stdout.isTTY) bar.erase();
    await run.print(
      given.json
        ? `${JSON.stringify(jsonResult(entry, result))}\n`
        : digestLine(result.digests, entry.path, job.algorithms),
    );
  };

  /** A 303 may lead to a sign-in form as easily as to a page that confirms the upload. */
  const warnOfSeeOther = ({ path }: UploadEntry, { seeOther, status, confirmedBy }: UploadResult): void => {
    if (seeOther === undefined || confirmedBy === "server") return;
    bar.erase();
    const there = redactedTarget(seeOther);
    run.warn(
      `warning: ${pathText(path)}: the server answered 303, and ${there} ${status}: no digest confirms what was stored`,
    );
  };

  const counts = { failed: 0, skipped: 0 };
  const reportUnlisted = async ({ kind, path, reason }: UnlistedEntry): Promise<void> => {
    const file = pathText(path);
    counts[kind] += 1;
    if (kind === "skipped") bar.skip();
    else bar.begin(file, undefined).end("failed");
    bar.erase();
    if (kind === "failed") await fail(file, new TrailsumError("FILE_UNREADABLE", `cannot upload ${file}: ${reason}`));
    else if (!given.quiet) {
      run.warn(`skipped ${file}: ${reason}`);
      if (given.json) await run.print(`${JSON.stringify({ file, skipped: reason })}\n`);
    }
  };

  const fail = async (file: string, error: unknown): Promise<void> => {
    run.report(error);
    if (given.json) await run.print(`${JSON.stringify({ file, error: describedError(error) })}\n`);
  };

  const worker = async (): Promise<void> => {
    // All workers take from one list; a worker that leaves the loop ends the list for the others too.
    for await (const entry of entries) {
      if (entry.kind !== "file") {
        await reportUnlisted(entry);
        continue;
      }
      const progress = bar.begin(pathText(entry.path), entry.size);
      try {
        await uploadOne(entry, progress);
      } catch (error) {
        progress.end("failed");
        bar.erase();
        await fail(pathText(entry.path), error);
        if (isFinal(error, "one server")) break;
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: given.jobs }, worker));
  } finally {
    bar.end();
  }
  await sums.write();
  if (counts.failed > 0) run.warn(`${counts.failed} of the entries found in directories could not be uploaded`);
  if (counts.skipped > 0 && !given.quiet)
    run.warn(`${counts.skipped} of the entries found in directories were skipped`);
}

/** The result of an upload, for `--json`. */
function jsonResult(
  { path }: UploadEntry,
  { url, status, seeOther, digests, confirmedBy, delivery, unchanged }: UploadResult,
): object {
  return {
    file: pathText(path),
    url: redactedTarget(url),
    status,
    ...(seeOther === undefined ? {} : { seeOther: redactedTarget(seeOther) }),
    size: digests.size,
    digests: hexDigests(digests),
    confirmedBy,
    delivery,
    ...(unchanged && { unchanged }),
  };
}

/** Finds all files, ahead of their uploads, for the total. What cannot be listed is reported by the upload itself. */
async function countFiles(
  paths: readonly string[],
  url: string,
  options: UploadListOptions,
  bar: ProgressBar,
): Promise<void> {
  try {
    if (paths.includes("-")) bar.found(undefined);
    else for await (const entry of uploadList(paths, url, options)) if (entry.kind === "file") bar.found(entry.size);
  } catch {
    // The upload fails for the same reason.
  }
}
