import { createSecureContext } from "node:tls";

import { TrailsumError } from "@trailsum/shared";

import { readInterruptibly } from "../files/interruptible-file.ts";

/** Reads a PEM file. `signal` ends the wait for a named pipe. Rejects with `FILE_UNREADABLE`, or `ABORTED`. */
export async function readPem(path: string, signal: AbortSignal): Promise<Buffer> {
  try {
    return await readInterruptibly(path, signal);
  } catch (cause) {
    if (cause instanceof TrailsumError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TrailsumError("FILE_UNREADABLE", `cannot read ${path}: ${reason}`, { cause });
  }
}

/** A certificate and its key, each from the file that a flag names. Throws `USAGE` unless both are given and fit together. */
export async function readCertificate(
  given: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<{ cert: Buffer; key: Buffer } | undefined> {
  const [certFlag = "", keyFlag = ""] = Object.keys(given);
  const [certFile, keyFile] = [given[certFlag], given[keyFlag]];
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) {
    throw new TrailsumError("USAGE", `--${certFlag} and --${keyFlag} belong together: give both`);
  }
  const [cert, key] = await Promise.all([readPem(certFile, signal), readPem(keyFile, signal)]);
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const sentence = `${certFile} and ${keyFile} cannot be used: both must be PEM, and belong together (${reason})`;
    throw new TrailsumError("USAGE", sentence, { cause });
  }
  return { cert, key };
}
