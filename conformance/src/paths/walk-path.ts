import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { certificate } from "@trailsum/testkit/certificate";

import type { CertificateFiles } from "../peers/peer.ts";
import { type CommandResult, runCommand, startCommand } from "./command.ts";
import { startFirstMile } from "./first-mile.ts";
import type { Entrance } from "./hop.ts";
import { startLastMile } from "./last-mile.ts";
import type { Path } from "./paths.ts";
import { pipeOf } from "./pipe.ts";

/** An upload of a pipe that was made along a path. */
export interface Walk {
  readonly result: CommandResult;
  /** What `--json` printed; undefined if the upload failed. */
  readonly report: UploadReport | undefined;
  /** Whether the server has stored exactly what the pipe held; undefined if it has stored nothing. */
  readonly intact: boolean | undefined;
  /** The requests that reached the server. Undefined without a hop over TLS, where they cannot be seen. */
  readonly requests: readonly string[] | undefined;
  /** What the client sent, in parts of the size of the pipe. */
  readonly sent: number;
  /** How often a bit was flipped. */
  readonly flips: number;
}

/** What is read of the output of `trailsum upload --json`. */
interface UploadReport {
  readonly confirmedBy: string;
  readonly delivery: { readonly mode: string; readonly reason: string };
}

/** Settings of {@link walkPath}. */
export interface WalkOptions {
  /** The size of the pipe. */
  readonly size: number;
  /** Flip a bit of the content before it reaches the server. */
  readonly flip?: boolean;
  /** Upload a file in place of a pipe. */
  readonly source?: "pipe" | "file";
  /** Further arguments of `trailsum upload`. */
  readonly args?: readonly string[];
}

/** Uploads a pipe of unknown length by `trailsum upload -` along a path to `trailsum serve`. */
export async function walkPath(
  path: Path,
  { size, flip = false, source = "pipe", args = [] }: WalkOptions,
): Promise<Walk> {
  const directory = await mkdtemp(join(tmpdir(), "trailsum-path-"));
  const ends: (() => Promise<void>)[] = [() => rm(directory, { recursive: true, force: true, maxRetries: 5 })];
  try {
    const secure = await writeCertificate(directory);
    const place = { trusted: secure.certFile, home: directory };
    const started = async <Started extends { stop(): Promise<void> }>(starting: Promise<Started>): Promise<Started> => {
      const one = await starting;
      ends.unshift(() => one.stop());
      return one;
    };
    const stored = join(directory, "stored");
    await mkdir(stored);
    const direct = path.hops.length === 0;
    const tls = direct && path.version === "2" ? ["--tls-cert", secure.certFile, "--tls-key", secure.keyFile] : [];
    const server = await started(startCommand(["serve", stored, "--port", "0", ...tls], place));
    const lastMile = await started(startLastMile(server.port, { flip }));
    let next = lastMile.port;
    for (const [index, hop] of [...path.hops.entries()].toReversed()) {
      const entrance: Entrance = index === 0 && path.version === "2" ? { version: "2", secure } : { version: "1.1" };
      next = (await started(hop.start(next, entrance, place))).port;
    }
    const firstMile = await started(startFirstMile(next));
    const url = `${path.version === "2" ? "https" : "http"}://127.0.0.1:${firstMile.port}/it`;
    const pipe = pipeOf(size);
    const file = join(directory, "source");
    if (source === "file") await writeFile(file, pipe.stream);
    const input = source === "file" ? Readable.from([]) : pipe.stream;
    const result = await runCommand(["upload", source === "file" ? file : "-", url, "--json", ...args], {
      ...place,
      input,
    });
    return {
      result,
      report: result.exitCode === 0 ? (JSON.parse(result.stdout) as UploadReport) : undefined,
      intact: await holds(join(stored, "it"), pipe.sha256),
      requests: tls.length === 0 ? lastMile.requests : undefined,
      sent: firstMile.sent / size,
      flips: lastMile.flips,
    };
  } finally {
    for (const end of ends) await end();
  }
}

async function writeCertificate(directory: string): Promise<CertificateFiles & { readonly bothFile: string }> {
  const { cert, key } = await certificate();
  const inside = (name: string): string => join(directory, name);
  const files = { certFile: inside("cert.pem"), keyFile: inside("key.pem"), bothFile: inside("both.pem") };
  await Promise.all([
    writeFile(files.certFile, cert),
    writeFile(files.keyFile, key),
    writeFile(files.bothFile, `${cert}\n${key}`),
  ]);
  return files;
}

async function holds(file: string, sha256: string): Promise<boolean | undefined> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(file), hash);
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return undefined;
    throw error;
  }
  return hash.digest("hex") === sha256;
}
