import { createSecureContext } from "node:tls";

import { TrailsumError } from "@trailsum/shared";

import { readInterruptibly } from "./interruptible-file.ts";
import type { Flags } from "./settings.ts";

/** What the flags of a command that listens hold once they are parsed. */
export interface ListenerArguments {
  readonly host: string;
  readonly port: number;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly quiet: boolean;
}

/** The flags of a command that listens, on this port by default. */
export function listenerFlags(defaultPort: number): Flags {
  return {
    host: { type: "string", default: "127.0.0.1", describe: "address to listen on", requiresArg: true },
    port: {
      type: "number",
      default: defaultPort,
      describe: "port to listen on; 0 picks a free one",
      requiresArg: true,
    },
    "tls-cert": { type: "string", describe: "PEM certificate chain; enables HTTPS", requiresArg: true },
    "tls-key": { type: "string", describe: "PEM private key of the certificate", requiresArg: true },
    quiet: {
      type: "boolean",
      default: false,
      describe: "log only errors of the server itself: no requests, no refusals",
    },
  };
}

/**
 * The options of a server for these flags. `signal` ends the wait for a certificate. Throws `USAGE` for values that cannot
 * be used, and `FILE_UNREADABLE`.
 */
export async function listenerOptions(
  given: ListenerArguments,
  signal: AbortSignal,
): Promise<{
  host: string;
  port: number;
  tls: { cert: Buffer; key: Buffer } | undefined;
}> {
  return { host: given.host, port: port(given.port), tls: await certificate(given, signal) };
}

/** Settles when the command is to stop. */
export function interrupted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

async function certificate(
  { tlsCert, tlsKey }: ListenerArguments,
  signal: AbortSignal,
): Promise<{ cert: Buffer; key: Buffer } | undefined> {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new TrailsumError("USAGE", "--tls-cert and --tls-key belong together: give both");
  }
  const [cert, key] = await Promise.all([readPem(tlsCert, signal), readPem(tlsKey, signal)]);
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const sentence = `${tlsCert} and ${tlsKey} cannot be used: both must be PEM, and belong together (${reason})`;
    throw new TrailsumError("USAGE", sentence, { cause });
  }
  return { cert, key };
}

async function readPem(path: string, signal: AbortSignal): Promise<Buffer> {
  try {
    return await readInterruptibly(path, signal);
  } catch (cause) {
    if (cause instanceof TrailsumError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TrailsumError("FILE_UNREADABLE", `cannot read ${path}: ${reason}`, { cause });
  }
}

function port(given: number): number {
  if (Number.isInteger(given) && given >= 0 && given <= 65_535) return given;
  throw new TrailsumError("USAGE", "--port takes a number from 0 to 65535");
}
