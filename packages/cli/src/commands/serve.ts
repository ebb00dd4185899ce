import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";

import { parseIntegrityFieldNames, TrailsumError } from "@trailsum/shared";
import type { CommandModule } from "yargs";

import { defineCommand } from "../command.ts";
import type { Run } from "../process-run.ts";
import { listOf } from "../transfer-flags.ts";

interface ServeArguments {
  readonly dir: string;
  readonly host: string;
  readonly port: number;
  readonly require: string;
  readonly allowUnverified: boolean;
  readonly maxSize?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly quiet: boolean;
}

const flags = {
  host: { type: "string", default: "127.0.0.1", describe: "the address to listen on", requiresArg: true },
  port: { type: "number", default: 8080, describe: "the port to listen on; 0 picks a free one", requiresArg: true },
  require: {
    type: "string",
    default: "",
    describe: "fields that every upload must bring, such as md5,size",
    requiresArg: true,
  },
  "allow-unverified": { type: "boolean", default: false, describe: "let in uploads that bring no digest" },
  "max-size": { type: "string", describe: "the largest upload, in bytes, or such as 500M or 2G", requiresArg: true },
  "tls-cert": { type: "string", describe: "a certificate chain (PEM): serve HTTPS", requiresArg: true },
  "tls-key": { type: "string", describe: "its key (PEM)", requiresArg: true },
  quiet: { type: "boolean", default: false, describe: "log nothing but failures" },
} as const;

/** `trailsum serve [dir]` */
export const serveCommand: CommandModule = defineCommand<ServeArguments>({
  command: "serve [dir]",
  describe: "receive uploads into a directory, verified, and give them back",
  flags,
  arguments: (argv) => argv.positional("dir", { type: "string", default: ".", describe: "where files are kept" }),
  run: serve,
});

async function serve(given: ServeArguments, run: Run): Promise<void> {
  const { createDirectoryStore, createUploadServer } = await import("@trailsum/server");
  const server = createUploadServer({
    store: await createDirectoryStore({ directory: given.dir }),
    host: given.host,
    port: port(given.port),
    require: parseIntegrityFieldNames(listOf(given.require)),
    allowUnverified: given.allowUnverified,
    maxSize: given.maxSize === undefined ? undefined : bytes(given.maxSize),
    tls: await certificate(given),
    logger: {
      info: (message) => void (given.quiet || process.stderr.write(`${message}\n`)),
      warn: (message) => void process.stderr.write(`${message}\n`),
      error: (message) => void process.stderr.write(`${message}\n`),
    },
  });
  const { url } = await server.listen();
  process.stdout.write(`listening on ${url}\n`);
  await new Promise<void>((resolve) => run.signal.addEventListener("abort", () => resolve(), { once: true }));
  await server.close();
}

async function certificate({ tlsCert, tlsKey }: ServeArguments): Promise<{ cert: Buffer; key: Buffer } | undefined> {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new TrailsumError("USAGE", "--tls-cert and --tls-key belong together: give both");
  }
  const [cert, key] = await Promise.all([readPem(tlsCert), readPem(tlsKey)]);
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const sentence = `${tlsCert} and ${tlsKey} cannot be used: both must be PEM, and belong together (${reason})`;
    throw new TrailsumError("USAGE", sentence, { cause });
  }
  return { cert, key };
}

async function readPem(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TrailsumError("FILE_UNREADABLE", `cannot read ${path}: ${reason}`, { cause });
  }
}

function port(given: number): number {
  if (Number.isInteger(given) && given >= 0 && given <= 65_535) return given;
  throw new TrailsumError("USAGE", "--port takes a number from 0 to 65535");
}

const UNITS: Readonly<Record<string, number>> = { "": 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };

/** `500`, `500M`, `2G`, `2GiB`: bytes, by powers of 1024. */
function bytes(text: string): number {
  const [, digits = "", unit = ""] = /^(\d+)\s*([KMGT]?)(?:i?B)?$/i.exec(text) ?? [];
  const size = digits === "" ? Number.NaN : Number(digits) * (UNITS[unit.toUpperCase()] ?? Number.NaN);
  if (Number.isSafeInteger(size)) return size;
  throw new TrailsumError("USAGE", `"${text}" is no size: write bytes, or such as 500M or 2G`);
}
