import { mkdir } from "node:fs/promises";

import type { Store, UploadHandlerOptions } from "@trailsum/server";
import { parseRequirements, TrailsumError } from "@trailsum/shared";

import {
  type AccessArguments,
  accessFlags,
  accessOptions,
  accessWarnings,
  printPasswordLine,
} from "../flags/access-flags.ts";
import { parseByteSize } from "../flags/byte-size.ts";
import { type ClientLimitArguments, clientLimitFlags, clientLimits } from "../flags/client-limit-flags.ts";
import { type DefinedCommand, defineCommand } from "../command.ts";
import {
  drainTime,
  interrupted,
  type ListenerArguments,
  listenerFlags,
  listenerOptions,
  rereadCertificate,
} from "../flags/listener-flags.ts";
import { type Log, openLog } from "../log/log.ts";
import { type MetricsArguments, metricsFlags } from "../metrics/metrics-flag.ts";
import { whileObserved } from "../while-observed.ts";
import { type StatusArguments, statusFlags } from "../status/status-flag.ts";
import type { Run } from "../process/process-run.ts";
import { reloadOnHangup } from "../process/reload.ts";
import { type Endpoints, startLine } from "../process/start-line.ts";
import { type S3Arguments, s3CredentialFlags, s3Flags, s3Options } from "../flags/s3-flags.ts";
import { openBucketStore, parseBucketLocation, type S3StorageArguments, s3StorageFlags } from "../s3-storage.ts";
import {
  readSigningKey,
  requiredSignatureKeys,
  SIGNATURE,
  signatureKeysFlag,
  type SignatureKeysArguments,
} from "../flags/signature-flags.ts";
import { listOf } from "../flags/transfer-flags.ts";
import { type UploadLimitArguments, uploadLimitFlags, uploadLimits } from "../flags/upload-limit-flags.ts";
import { keepYoungGenerationSmall, limitYoungGeneration } from "../process/v8-flags.ts";

interface ServeArguments
  extends
    ListenerArguments,
    MetricsArguments,
    StatusArguments,
    AccessArguments,
    ClientLimitArguments,
    UploadLimitArguments,
    S3StorageArguments,
    SignatureKeysArguments,
    S3Arguments {
  readonly dir: string;
  readonly require: string;
  readonly receiptKey?: string | undefined;
  readonly allowUnverified: boolean;
  readonly maxSize?: string | undefined;
}

const flags = {
  ...listenerFlags(8080),
  ...metricsFlags,
  ...statusFlags,
  require: {
    type: "string",
    default: "",
    describe: "what every upload must have: fields such as md5,size, sha-256 (or stronger), or signature",
  },
  ...signatureKeysFlag,
  "receipt-key": {
    type: "string",
    describe: "sign receipts with the private key in this file, PEM or JWK (trailsum verify --receipt)",
  },
  "allow-unverified": { type: "boolean", default: false, describe: "accept uploads without a digest" },
  "max-size": {
    type: "string",
    describe: "largest upload accepted: bytes, or a size such as 500M or 2G",
  },
  ...uploadLimitFlags,
  ...s3StorageFlags,
  ...accessFlags,
  ...s3Flags,
  ...s3CredentialFlags,
  ...clientLimitFlags({
    seconds: 60,
    describe: "time in which a client sends or takes nothing: raise it for slow pipes",
  }),
} as const;

/** `trailsum serve [dir]` */
export const serveCommand: DefinedCommand = defineCommand<ServeArguments>({
  synopsis: "trailsum serve [dir]",
  examples: [
    { does: "serve a directory to this machine", line: "trailsum serve files" },
    {
      does: "over TLS, to those who know a token",
      line: "trailsum serve files --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem --token SECRET",
    },
    {
      does: "accept only uploads with a sha-256 digest, of up to 2 GiB",
      line: "trailsum serve files --require sha-256 --max-size 2G",
    },
  ],
  flags,
  operand: {
    name: "dir",
    default: ".",
    describe: "directory for the files, created if it does not exist; or s3://bucket/prefix",
  },
  run: serve,
});

async function serve(given: ServeArguments, run: Run): Promise<void> {
  if (given.hashPassword !== undefined) return printPasswordLine(given.hashPassword, run);
  const log = await openLog(given);
  const observed = { log, of: "process", command: "serve", origins: [] } as const;
  await whileObserved(given, observed, (endpoints) => receive(given, log, run, endpoints));
  log.flush();
}

async function receive(given: ServeArguments, log: Log, run: Run, endpoints: Endpoints): Promise<void> {
  const { createUploadServer } = await import("@trailsum/server");
  limitYoungGeneration();
  keepYoungGenerationSmall();
  const graceMs = drainTime(given);
  const listener = await listenerOptions(given, run.signal);
  const access = await accessOptions(given, run.signal);
  const s3 = s3Options(given);
  const server = createUploadServer({
    store: await openStore(given, (text) => log.message("info", text)),
    ...listener,
    ...access.options,
    s3,
    ...(await requirements(given, run.signal)),
    receiptKey: given.receiptKey === undefined ? undefined : await readSigningKey(given.receiptKey, run.signal),
    allowUnverified: given.allowUnverified,
    maxSize: given.maxSize === undefined ? undefined : parseByteSize(given.maxSize),
    ...uploadLimits(given),
    ...clientLimits(given),
    // What the resource says of single requests is in their records.
    logger: { info() {}, warn() {}, error: (text) => log.message("error", text) },
    onExchange: log.exchange,
  });
  const { url } = await server.listen();
  reloadOnHangup(run, log, [rereadCertificate(given, run.signal, server), access.reread]);
  process.stdout.write(startLine(given, url, endpoints));
  for (const warning of s3 === undefined ? accessWarnings(given, url) : []) log.message("warn", warning);
  await interrupted(run.signal);
  await server.close({ graceMs });
}

/** What uploads must have. Throws `USAGE` for a signature where none can be or where nothing else is required. */
async function requirements(
  given: ServeArguments,
  signal: AbortSignal,
): Promise<Pick<UploadHandlerOptions, "require" | "signatureKeys">> {
  const names = listOf(given.require);
  const others = names.filter((name) => name.toLowerCase() !== SIGNATURE);
  const isSigned = others.length < names.length;
  const signatureKeys = await requiredSignatureKeys(given, isSigned, signal);
  if (given.s3 && (isSigned || given.receiptKey !== undefined))
    throw new TrailsumError("USAGE", "--require signature and --receipt-key have no effect with --s3: leave them out");
  if (given.allowUnverified && isSigned)
    throw new TrailsumError("USAGE", "--allow-unverified contradicts --require signature: give one of them");
  return { require: parseRequirements(others), signatureKeys };
}

/** Opens the store in a bucket or in a directory. */
async function openStore(given: ServeArguments, log: (message: string) => void): Promise<Store> {
  const location = parseBucketLocation(given.dir);
  if (location !== undefined) return openBucketStore(location, given);
  if (given.s3Endpoint !== undefined || given.s3Region !== undefined)
    throw new TrailsumError("USAGE", "--s3-endpoint and --s3-region are for a bucket: serve s3://bucket/prefix");
  await createDirectory(given.dir, log);
  const { createDirectoryStore } = await import("@trailsum/server");
  return createDirectoryStore({ directory: given.dir });
}

/** Creates the directory where it does not exist. What is there and is not a directory is left to the store to refuse. */
async function createDirectory(path: string, log: (message: string) => void): Promise<void> {
  try {
    const created = await mkdir(path, { recursive: true });
    if (created !== undefined) log(`created ${created}`);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "EEXIST") return;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TrailsumError("FILE_UNWRITABLE", `cannot create ${path}: ${reason}`, { cause });
  }
}
