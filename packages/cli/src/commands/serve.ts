import { mkdir } from "node:fs/promises";

import { parseRequirements, TrailsumError } from "@trailsum/shared";

import {
  type AccessArguments,
  accessFlags,
  accessOptions,
  accessWarnings,
  printPasswordLine,
} from "../access-flags.ts";
import { parseByteSize } from "../byte-size.ts";
import { type ClientLimitArguments, clientLimitFlags, clientLimits } from "../client-limit-flags.ts";
import { type DefinedCommand, defineCommand } from "../command.ts";
import { interrupted, type ListenerArguments, listenerFlags, listenerOptions } from "../listener-flags.ts";
import { createLogOutput } from "../log-output.ts";
import type { Run } from "../process-run.ts";
import { listOf } from "../transfer-flags.ts";
import { type UploadLimitArguments, uploadLimitFlags, uploadLimits } from "../upload-limit-flags.ts";
import { visibleText } from "../visible-text.ts";
import { limitYoungGeneration } from "../young-generation.ts";

interface ServeArguments extends ListenerArguments, AccessArguments, ClientLimitArguments, UploadLimitArguments {
  readonly dir: string;
  readonly require: string;
  readonly allowUnverified: boolean;
  readonly maxSize?: string | undefined;
}

const flags = {
  ...listenerFlags(8080),
  require: {
    type: "string",
    default: "",
    describe: "what every upload must be verified by: fields such as md5,size, or sha-256 (or stronger)",
    requiresArg: true,
  },
  "allow-unverified": { type: "boolean", default: false, describe: "accept uploads without a digest" },
  "max-size": {
    type: "string",
    describe: "largest upload accepted: bytes, or a size such as 500M or 2G",
    requiresArg: true,
  },
  ...uploadLimitFlags,
  ...accessFlags,
  ...clientLimitFlags({
    seconds: 60,
    describe: "time in which a client sends or takes nothing: raise it for slow pipes",
  }),
} as const;

/** `trailsum serve [dir]` */
export const serveCommand: DefinedCommand = defineCommand<ServeArguments>({
  command: "serve [dir]",
  describe: "accept verified uploads and serve them for download",
  flags,
  arguments: (argv) =>
    argv.positional("dir", {
      type: "string",
      default: ".",
      describe: "directory for the files; it is created if it does not exist",
    }),
  run: serve,
});

async function serve(given: ServeArguments, run: Run): Promise<void> {
  if (given.hashPassword !== undefined) return printPasswordLine(given.hashPassword, run);
  const { createDirectoryStore, createUploadServer } = await import("@trailsum/server");
  limitYoungGeneration();
  const output = createLogOutput(process.stderr);
  const log = (message: string): void => output.write(`${visibleText(message)}\n`);
  const listener = await listenerOptions(given, run.signal);
  const access = await accessOptions(given, run.signal);
  await createDirectory(given.dir, given.quiet ? () => {} : log);
  const server = createUploadServer({
    store: await createDirectoryStore({ directory: given.dir }),
    ...listener,
    ...access,
    require: parseRequirements(listOf(given.require)),
    allowUnverified: given.allowUnverified,
    maxSize: given.maxSize === undefined ? undefined : parseByteSize(given.maxSize),
    ...uploadLimits(given),
    ...clientLimits(given),
    logger: { info: given.quiet ? () => {} : log, warn: given.quiet ? () => {} : log, error: log },
  });
  const { url } = await server.listen();
  process.stdout.write(`listening on ${url}\n`);
  if (!given.quiet) for (const warning of accessWarnings(given, url)) run.warn(`warning: ${warning}`);
  await interrupted(run.signal);
  await server.close();
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
