import { TrailsumError } from "@trailsum/shared";

import { type DefinedCommand, defineCommand } from "../command.ts";
import { pathText } from "../files/file-path.ts";
import { createProgressBar, downloadPhases } from "../terminal/progress-bar.ts";
import type { Run } from "../process/process-run.ts";
import { bytesPerSecond, rateFlag } from "../flags/rate-flag.ts";
import { limitYoungGeneration } from "../process/v8-flags.ts";
import { checkFile, type CheckedFile, type FileState } from "../verify/checked-file.ts";
import { verifyReceiptFile } from "../verify/verify-receipt.ts";
import { subjectAt } from "../verify/files-to-check.ts";
import { visibleText } from "../terminal/visible-text.ts";

interface VerifyArguments {
  readonly path?: string | undefined;
  readonly sums?: string | undefined;
  readonly require?: string | undefined;
  readonly receipt?: string | undefined;
  readonly key?: string | undefined;
  readonly "limit-rate"?: string | undefined;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly progress: boolean;
}

const flags = {
  sums: {
    type: "string",
    describe: "check the directory by this sums file, and not by the records of its server",
  },
  require: { choices: ["verified"], describe: "also fail for files without a record" },
  receipt: {
    type: "string",
    describe: "check the signature of this receipt, and that the file is the one that it is for, if one is named",
  },
  key: {
    type: "string",
    describe: "public key of the server that signed the receipt: a PEM or JWK file, or a directory of them",
  },
  "limit-rate": { ...rateFlag, describe: "read at most this many bytes per second: 500k, 2m, 1g" },
  json: { type: "boolean", default: false, describe: "print a JSON object for each file" },
  quiet: { alias: "q", type: "boolean", default: false, describe: "print only errors" },
  progress: { type: "boolean", default: true, describe: "show progress on a terminal; --no-progress turns it off" },
} as const;

/** `trailsum verify <dir|file>` */
export const verifyCommand: DefinedCommand = defineCommand<VerifyArguments>({
  synopsis: "trailsum verify <dir|file>",
  examples: [
    { does: "check a directory that trailsum serve has filled", line: "trailsum verify files" },
    {
      does: "check a receipt that a server has signed, and the file that it is for",
      line: "trailsum verify backup.tar --receipt backup.receipt --key server.pem",
    },
    { does: "check the files that a list of digests names", line: "trailsum verify SHA256SUMS" },
  ],
  flags,
  operand: {
    name: "path",
    describe: "a directory that was served or that has a sums file, or a sums file such as SHA256SUMS",
  },
  run: verify,
});

/** What is printed for a file that is not as it should be. */
const REPORTS: Readonly<Record<Exclude<FileState, "ok">, string>> = {
  mismatched: "does not match its digest",
  missing: "is missing",
  unreadable: "cannot be read",
  unrecorded: "has no record",
};

async function verify(given: VerifyArguments, run: Run): Promise<void> {
  const { createRateLimit } = await import("@trailsum/client");
  limitYoungGeneration();
  const { receipt, key, path } = given;
  if (receipt !== undefined) {
    if (given.sums !== undefined || given.require !== undefined)
      throw new TrailsumError("USAGE", "--sums and --require have no effect with --receipt: leave them out");
    return verifyReceiptFile({ ...given, receipt }, run);
  }
  if (key !== undefined) throw new TrailsumError("USAGE", "--key is for a receipt: name it with --receipt");
  if (path === undefined) throw new TrailsumError("USAGE", "missing directory or file: trailsum verify DIR");
  const rate = bytesPerSecond(given["limit-rate"]);
  const subject = await subjectAt(path, given.sums);
  if (subject.malformed > 0) run.warn(`warning: ${subject.source}: malformed lines: ${subject.malformed}`);
  const bar = await createProgressBar(given.progress && !given.quiet, downloadPhases);
  const limit = rate === undefined ? undefined : createRateLimit(rate);
  const counts: Record<FileState, number> = { ok: 0, mismatched: 0, missing: 0, unrecorded: 0, unreadable: 0 };
  try {
    for await (const file of subject.files()) {
      if (run.signal.aborted) throw new TrailsumError("ABORTED", "the verification was cancelled");
      bar.found(file.size);
      const progress = bar.begin(pathText(file.name), file.size);
      let transferred = 0;
      const onBytes = (bytes: number): void =>
        progress.advance({ transferred: (transferred += bytes), total: file.size, phase: "transferring" });
      const checked = await checkFile(file, { limit, signal: run.signal, onBytes });
      progress.end(checked.state === "ok" ? "complete" : "failed");
      counts[checked.state] += 1;
      if (!given.quiet && (given.json || checked.state !== "ok")) {
        bar.erase();
        await run.print(given.json ? `${JSON.stringify(jsonResult(checked))}\n` : reportLine(checked));
      }
    }
  } finally {
    bar.end();
  }
  if (!given.quiet && !given.json) await run.print(summary(counts));
  const failure = failureOf(counts, subject.source, given.require === "verified");
  if (failure !== undefined) throw failure;
}

/** The worst of what was found, as an error. */
function failureOf(counts: Record<FileState, number>, source: string, required: boolean): TrailsumError | undefined {
  const { mismatched, missing, unreadable, unrecorded } = counts;
  if (mismatched > 0)
    return new TrailsumError("STORED_BYTES_DIFFER", `${files(mismatched)} no longer as recorded in ${source}`);
  if (missing + unreadable > 0)
    return new TrailsumError("FILE_UNREADABLE", `${files(missing + unreadable)} missing or cannot be read`);
  if (required && unrecorded > 0)
    return new TrailsumError("DIGEST_MISSING", `${files(unrecorded)} not in ${source}: nothing is known of them`);
  return undefined;
}

function files(count: number): string {
  return count === 1 ? "1 file is" : `${count} files are`;
}

function reportLine({ name, state, reason }: CheckedFile): string {
  if (state === "ok") return "";
  const why = state === "unreadable" && reason !== undefined ? `: ${reason}` : "";
  return `${visibleText(`${pathText(name)} ${REPORTS[state]}${why}`)}\n`;
}

function summary({ ok, mismatched, missing, unreadable, unrecorded }: Record<FileState, number>): string {
  const parts = [
    `${ok} ok`,
    `${mismatched} mismatched`,
    `${missing} missing`,
    ...(unreadable > 0 ? [`${unreadable} unreadable`] : []),
    `${unrecorded} without a record`,
  ];
  return `${parts.join(", ")}\n`;
}

function jsonResult({ name, state, size, verified, differing, reason }: CheckedFile): object {
  return {
    file: pathText(name),
    state,
    ...(state !== "missing" && state !== "unrecorded" && { size }),
    ...(verified !== undefined && { verified: verified.toISOString() }),
    ...(differing.length > 0 && {
      differing: differing.map(({ algorithm, expected, computed }) => ({
        algorithm,
        expected: expected.toString("hex"),
        computed: computed.toString("hex"),
      })),
    }),
    ...(state === "unreadable" && { reason }),
  };
}
