import type { TrailerAgent, TrailerAgentOptions } from "@trailsum/client";
import { TrailsumError } from "@trailsum/shared";

import { namesProxy, proxyFor } from "./proxy-environment.ts";
import { readNamedFile } from "../files/interruptible-file.ts";
import { readCertificate } from "./pem-files.ts";
import type { Run } from "../process/process-run.ts";
import type { Flags } from "./flag.ts";
import { milliseconds, timeoutFlag } from "./timeout-flags.ts";

/** The defaults of `TrailerAgent`. Seconds. */
const CONNECT_TIMEOUT = 10;
const IDLE_TIMEOUT = 300;

/** The flags that say how a server is reached. */
export const connectionFlags: Flags = {
  cacert: {
    type: "string",
    describe: "PEM file of the certificate authorities to trust instead of the usual ones",
  },
  cert: { type: "string", describe: "PEM certificate to authenticate with over TLS" },
  key: { type: "string", describe: "PEM private key of --cert" },
  insecure: {
    alias: "k",
    type: "boolean",
    default: false,
    describe: "accept any certificate: the server may be someone else",
  },
  proxy: {
    type: "string",
    describe: "HTTP proxy to tunnel through (default: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY; '' for none)",
  },
  "unix-socket": {
    type: "string",
    describe: "connect to this Unix socket instead of the host in the URL",
  },
  "timeout-connect": timeoutFlag(CONNECT_TIMEOUT, "time to connect, TLS included"),
  "timeout-idle": timeoutFlag(IDLE_TIMEOUT, "time in which nothing is sent or received"),
};

/** What those flags hold once they are parsed. */
export interface ConnectionArguments {
  readonly cacert?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly insecure: boolean;
  readonly proxy?: string | undefined;
  readonly unixSocket?: string | undefined;
  readonly timeoutConnect: number;
  readonly timeoutIdle: number;
}

/**
 * The dispatcher for these flags and the proxy variables of the environment; undefined for the default one, which sends
 * small files faster. Throws `USAGE` for values that cannot be used, and `FILE_UNREADABLE`.
 */
export async function connectionDispatcher(given: ConnectionArguments, run: Run): Promise<TrailerAgent | undefined> {
  const { cacert, cert, key, insecure, unixSocket } = given;
  const connectTimeout = milliseconds("timeout-connect", given.timeoutConnect);
  const idleTimeout = milliseconds("timeout-idle", given.timeoutIdle);
  const proxy = chosenProxy(given);
  if (insecure) run.warn("warning: certificates are not verified (--insecure): the server may be someone else");
  const [ca, pair] = await Promise.all([
    cacert === undefined ? undefined : authorities(cacert, run.signal),
    readCertificate({ cert, key }, run.signal),
  ]);
  const isDefault =
    ca === undefined &&
    pair === undefined &&
    !insecure &&
    proxy === undefined &&
    unixSocket === undefined &&
    given.timeoutConnect === CONNECT_TIMEOUT &&
    given.timeoutIdle === IDLE_TIMEOUT;
  if (isDefault) return undefined;
  const { TrailerAgent: Agent } = await import("@trailsum/client");
  return new Agent({
    connect: {
      timeout: connectTimeout,
      ...(ca !== undefined && { ca }),
      ...pair,
      ...(insecure && { rejectUnauthorized: false }),
      ...(unixSocket !== undefined && { socketPath: unixSocket }),
    },
    ...(proxy !== undefined && { proxy }),
    headersTimeout: idleTimeout,
    bodyTimeout: idleTimeout,
  });
}

async function authorities(path: string, signal: AbortSignal): Promise<Buffer> {
  const pem = await readNamedFile(path, signal);
  // Node ignores invalid certificates, and would then trust no server at all.
  if (pem.includes("-----BEGIN CERTIFICATE-----") || pem.includes("-----BEGIN TRUSTED CERTIFICATE-----")) return pem;
  throw new TrailsumError("USAGE", `${path} holds no PEM certificate`);
}

/** The proxy that `--proxy` names, or for each origin what the environment says. */
function chosenProxy({ proxy, unixSocket }: ConnectionArguments): TrailerAgentOptions["proxy"] {
  if (proxy === "") return undefined;
  if (proxy !== undefined) {
    if (unixSocket !== undefined)
      throw new TrailsumError("USAGE", "--proxy and --unix-socket exclude each other: give one of them");
    return proxyUrl("--proxy", proxy);
  }
  if (unixSocket !== undefined || !namesProxy(process.env)) return undefined;
  const named = (origin: URL): URL | undefined => {
    const found = proxyFor(origin, process.env);
    return found === "" ? undefined : proxyUrl("the proxy of the environment", found);
  };
  // A value that cannot be used is an error before anything is sent.
  for (const scheme of ["http", "https"]) named(new URL(`${scheme}://proxied.invalid`));
  return named;
}

/** Its text is never in a message: it may hold a password. */
function proxyUrl(where: string, text: string): URL {
  const url = URL.parse(text.includes("://") ? text : `http://${text}`);
  if (url !== null && /^https?:$/.test(url.protocol) && url.hostname !== "") {
    try {
      decodeURIComponent(url.username + url.password);
      return url;
    } catch {
      throw new TrailsumError("USAGE", `${where} has credentials that are not percent-encoded UTF-8`);
    }
  }
  const scheme = url === null ? "" : `, and not ${url.protocol}//`;
  throw new TrailsumError("USAGE", `${where} must be an HTTP proxy: http://host:port or https://host:port${scheme}`);
}
