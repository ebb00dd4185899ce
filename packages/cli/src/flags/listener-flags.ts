import type { ListenOptions } from "@trailsum/server";
import { TrailsumError } from "@trailsum/shared";

import { hostAndPort } from "./address.ts";
import { type LogArguments, logFlags } from "./log-flags.ts";
import { type Certificate, readCertificate } from "./pem-files.ts";
import type { Rereading } from "../process/reload.ts";
import type { Flags } from "./flag.ts";

/** What the flags of a command that listens hold once they are parsed. */
export interface ListenerArguments extends LogArguments {
  readonly listen?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly drain: number;
  readonly json: boolean;
}

/** Reachable from this machine only. */
const DEFAULT_HOST = "127.0.0.1";

/** The flags of a command that listens, on this port by default. */
export function listenerFlags(defaultPort: number): Flags {
  return {
    listen: {
      type: "string",
      describe: "where to listen, in place of --host and --port: [HOST:]PORT, or unix:PATH for a Unix domain socket",
    },
    host: { type: "string", describe: `address to listen on (default: ${DEFAULT_HOST})` },
    port: { type: "number", describe: `port to listen on; 0 picks a free one (default: ${defaultPort})` },
    "tls-cert": { type: "string", describe: "PEM certificate chain; enables HTTPS" },
    "tls-key": { type: "string", describe: "PEM private key of the certificate" },
    drain: {
      type: "number",
      default: 10,
      describe: "after SIGTERM or Ctrl-C: time for running transfers to finish before they are aborted (seconds)",
    },
    json: { type: "boolean", default: false, describe: "print the address that it listens on as JSON" },
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
  listen: ListenOptions;
  tls: Certificate | undefined;
}> {
  return { listen: listenOptions(given), tls: await certificateOf(given, signal) };
}

/** Reads the certificate of a server again. */
export function rereadCertificate(
  given: ListenerArguments,
  signal: AbortSignal,
  server: { renewCertificate(tls: Certificate): void },
): Rereading {
  return async () => {
    const tls = await certificateOf(given, signal);
    return () => {
      if (tls !== undefined) server.renewCertificate(tls);
    };
  };
}

function certificateOf({ tlsCert, tlsKey }: ListenerArguments, signal: AbortSignal): Promise<Certificate | undefined> {
  return readCertificate({ "tls-cert": tlsCert, "tls-key": tlsKey }, signal);
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

/** Where to listen; what is left out is left to the server. */
function listenOptions({ listen, host, port }: ListenerArguments): ListenOptions {
  if (listen === undefined) return { host, port: portNumber(port) };
  if (host !== undefined || port !== undefined)
    throw new TrailsumError("USAGE", "--listen excludes --host and --port: give one or the other");
  if (!listen.startsWith(UNIX)) {
    const takes = `[HOST:]PORT or ${UNIX}PATH, such as 127.0.0.1:8080 or ${UNIX}/run/it.sock`;
    return hostAndPort(listen, { flag: "listen", takes, defaultHost: DEFAULT_HOST });
  }
  const path = listen.slice(UNIX.length);
  if (path === "") throw new TrailsumError("USAGE", `a path must follow ${UNIX} in --listen`);
  return { path };
}

const UNIX = "unix:";

function portNumber(given: number | undefined): number | undefined {
  if (given === undefined || (Number.isInteger(given) && given >= 0 && given <= 65_535)) return given;
  throw new TrailsumError("USAGE", "--port takes a number from 0 to 65535");
}
