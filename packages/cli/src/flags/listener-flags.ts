import { TrailsumError } from "@trailsum/shared";

import { type LogArguments, logFlags } from "./log-flags.ts";
import { readCertificate } from "./pem-files.ts";
import type { Flags } from "./flag.ts";

/** What the flags of a command that listens hold once they are parsed. */
export interface ListenerArguments extends LogArguments {
  readonly host: string;
  readonly port: number;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly drain: number;
}

/** The flags of a command that listens, on this port by default. */
export function listenerFlags(defaultPort: number): Flags {
  return {
    host: { type: "string", default: "127.0.0.1", describe: "address to listen on" },
    port: {
      type: "number",
      default: defaultPort,
      describe: "port to listen on; 0 picks a free one",
    },
    "tls-cert": { type: "string", describe: "PEM certificate chain; enables HTTPS" },
    "tls-key": { type: "string", describe: "PEM private key of the certificate" },
    drain: {
      type: "number",
      default: 10,
      describe: "after SIGTERM or Ctrl-C: time for running transfers to finish before they are aborted (seconds)",
    },
    ...logFlags,
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
  listen: { host: string; port: number };
  tls: { cert: Buffer; key: Buffer } | undefined;
}> {
  const tls = await readCertificate({ "tls-cert": given.tlsCert, "tls-key": given.tlsKey }, signal);
  return { listen: { host: given.host, port: port(given.port) }, tls };
}

/** The value of `--drain` in milliseconds. Throws `USAGE` for an invalid one. */
export function drainTime({ drain }: ListenerArguments): number {
  if (Number.isFinite(drain) && drain >= 0) return Math.ceil(drain * 1_000);
  throw new TrailsumError("USAGE", "--drain takes a number of seconds, 0 or more");
}

/** Settles when the command is to stop. */
export function interrupted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function port(given: number): number {
  if (Number.isInteger(given) && given >= 0 && given <= 65_535) return given;
  throw new TrailsumError("USAGE", "--port takes a number from 0 to 65535");
}
