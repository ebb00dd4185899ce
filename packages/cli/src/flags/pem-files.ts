import { TrailsumError } from "@trailsum/shared";

import { readNamedFile } from "../files/interruptible-file.ts";

/** A certificate chain and its key, both PEM. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** A certificate and its key, each from the file that a flag names. Throws `USAGE` unless both are given and fit together. */
export async function readCertificate(
  given: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<Certificate | undefined> {
  const [certFlag = "", keyFlag = ""] = Object.keys(given);
  const [certFile, keyFile] = [given[certFlag], given[keyFlag]];
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) {
    throw new TrailsumError("USAGE", `--${certFlag} and --${keyFlag} belong together: give both`);
  }
  const [cert, key] = await Promise.all([readNamedFile(certFile, signal), readNamedFile(keyFile, signal)]);
  // Loaded here, since uploads without TLS would wait for it.
  const { createSecureContext } = await import("node:tls");
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const sentence = `${certFile} and ${keyFile} cannot be used: both must be PEM, and belong together (${reason})`;
    throw new TrailsumError("USAGE", sentence, { cause });
  }
  return { cert, key };
}
