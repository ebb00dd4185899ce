import cluster from "node:cluster";
import { randomBytes } from "node:crypto";

import type { ProxyServerOptions } from "@trailsum/proxy";
import { TrailsumError, type TrailerSelection } from "@trailsum/shared";

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
import { s3CredentialFlags, type S3CredentialArguments, s3Credentials } from "../flags/s3-flags.ts";
import {
  requiredSignatureKeys,
  SIGNATURE,
  signatureKeysFlag,
  type SignatureKeysArguments,
} from "../flags/signature-flags.ts";
import { suggestion } from "../flags/suggestion.ts";
import { milliseconds, timeoutFlag } from "../flags/timeout-flags.ts";
import { listOf } from "../flags/transfer-flags.ts";
import { announce, assignedPort, superviseWorkers, underSupervision } from "../process/workers.ts";
import { limitYoungGeneration, optimizeForRepetition } from "../process/v8-flags.ts";

interface ProxyArguments
  extends
    ListenerArguments,
    MetricsArguments,
    StatusArguments,
    ClientLimitArguments,
    SignatureKeysArguments,
    S3CredentialArguments {
  readonly targets: readonly string[];
  readonly requestTrailers: string;
  readonly responseTrailers: string;
  readonly verify: "off" | "observe" | "enforce";
  readonly require?: typeof SIGNATURE | undefined;
  readonly s3Verify: boolean;
  readonly allowUnverified: boolean;
  readonly balance: "round-robin" | "least-connections";
  readonly keepHost: boolean;
  readonly trustForwarded: boolean;
  readonly cleanQuery: boolean;
  readonly originHttp2: boolean;
  readonly timeoutConnect: number;
  readonly timeoutResponse: number;
  readonly via?: string | undefined;
  readonly workers: number;
}

const flags = {
  ...listenerFlags(8081),
  ...metricsFlags,
  ...statusFlags,
  "request-trailers": {
    type: "string",
    default: "integrity",
    describe:
      "request trailers to forward: integrity (digests and signatures), declared, all, none, or names: md5,size",
  },
  "response-trailers": {
    type: "string",
    default: "all",
    describe: "response trailers to forward: integrity, declared, all, none, or names",
  },
  verify: {
    choices: ["off", "observe", "enforce"],
    default: "off",
    describe: "verify digests in transit: log the verdicts, or abort content that does not match",
  },
  require: { choices: [SIGNATURE], describe: "forward only uploads that are signed with a known key" },
  ...signatureKeysFlag,
  "s3-verify": {
    type: "boolean",
    default: false,
    describe:
      "verify uploads of S3 clients for a store that does not, and forward them as plain requests, signed again",
  },
  ...s3CredentialFlags,
  "allow-unverified": {
    type: "boolean",
    default: false,
    describe: "with --s3-verify: also forward uploads without a checksum",
  },
  balance: {
    choices: ["round-robin", "least-connections"],
    default: "round-robin",
    describe: "how to choose one of several targets",
  },
  "keep-host": { type: "boolean", default: false, describe: "forward the client's Host instead of the target's" },
  "trust-forwarded": {
    type: "boolean",
    default: false,
    describe: "keep X-Forwarded-* and other forwarding fields of clients: only behind a proxy that sets them",
  },
  "clean-query": {
    type: "boolean",
    default: false,
    describe: "rewrite queries that parsers read differently (a=1;b=2); otherwise they pass as they are",
  },
  "origin-http2": {
    type: "boolean",
    default: false,
    describe: "speak HTTP/2 to http:// targets, by prior knowledge; https:// targets negotiate it",
  },
  "timeout-connect": timeoutFlag(10, "time to connect to a target, TLS included"),
  "timeout-response": timeoutFlag(300, "time for a target to begin its response once the request is sent"),
  ...clientLimitFlags({
    seconds: 300,
    describe: "time in which nothing moves in either direction: raise it for silent streams",
  }),
  via: { type: "string", describe: "the name in Via, unique on the path (default: random)" },
  workers: { type: "number", default: 1, describe: "number of processes that share the work" },
} as const;

/** `trailsum proxy <target...>` */
export const proxyCommand: DefinedCommand = defineCommand<ProxyArguments>({
  synopsis: "trailsum proxy <target...>",
  examples: [
    { does: "forward to a server, with all trailers of its responses", line: "trailsum proxy http://127.0.0.1:9000" },
    {
      does: "stop content that does not match its digests",
      line: "trailsum proxy http://127.0.0.1:9000 --verify enforce",
    },
    {
      does: "share the load between two gRPC servers, with two processes",
      line: "trailsum proxy http://10.0.0.1:50051 http://10.0.0.2:50051 --origin-http2 --workers 2",
    },
  ],
  flags,
  operand: { name: "targets", many: true, describe: "servers to forward to, such as http://127.0.0.1:9000" },
  run: proxy,
});

const MAX_WORKERS = 256;

async function proxy(given: ProxyArguments, run: Run): Promise<void> {
  if (given.targets.length === 0) {
    throw new TrailsumError("USAGE", "say where requests go: trailsum proxy http://127.0.0.1:9000");
  }
  if (!Number.isInteger(given.workers) || given.workers < 1 || given.workers > MAX_WORKERS) {
    throw new TrailsumError("USAGE", `--workers takes a number from 1 to ${MAX_WORKERS}`);
  }
  const log = await openLog(given);
  const origins = given.targets.map((target) => URL.parse(target)?.origin ?? "");
  const observed = { log, command: "proxy", origins };
  if (cluster.isWorker) {
    if (given.metrics !== undefined) (await import("../metrics/metrics.ts")).measureWorker();
    await underSupervision(run, () => listen(given, log, run, {}));
  } else if (given.workers > 1) {
    shareName(given);
    run.onReload(() => log.reopen());
    await whileObserved(given, { ...observed, of: "workers" }, (endpoints) =>
      superviseWorkers(given.workers, run, (url) => startLine(given, url, endpoints)),
    );
  } else await whileObserved(given, { ...observed, of: "process" }, (endpoints) => listen(given, log, run, endpoints));
  log.flush();
}

/** Gives all workers one name in `Via`: they are one proxy, and a loop through any of them is a loop. */
function shareName({ via }: ProxyArguments): void {
  if (via === undefined) process.env["TRAILSUM_VIA"] = `trailsum-${randomBytes(6).toString("hex")}`;
}

async function listen(given: ProxyArguments, log: Log, run: Run, endpoints: Endpoints): Promise<void> {
  optimizeForRepetition();
  const { createProxyServer } = await import("@trailsum/proxy");
  limitYoungGeneration();
  const limits = clientLimits(given);
  const graceMs = drainTime(given);
  const { tls, listen: address } = await listenerOptions(given, run.signal);
  const server = createProxyServer({
    target: given.targets.map(String),
    balance: given.balance,
    verify: given.verify,
    signatureKeys: await requiredSignatureKeys(given, given.require === SIGNATURE, run.signal),
    s3Verify: s3Shield(given),
    hostHeader: given.keepHost ? "inbound" : "target",
    trustForwarded: given.trustForwarded,
    cleanQuery: given.cleanQuery,
    requestTrailers: selection("request-trailers", given.requestTrailers),
    responseTrailers: selection("response-trailers", given.responseTrailers),
    listen: address.path === undefined ? { ...address, port: assignedPort() ?? address.port } : address,
    tls,
    ...limits,
    via: given.via,
    agent: {
      useH2c: given.originHttp2,
      connect: { timeout: milliseconds("timeout-connect", given.timeoutConnect) },
      headersTimeout: milliseconds("timeout-response", given.timeoutResponse),
      bodyTimeout: limits.idleTimeout,
    },
    onExchange: log.exchange,
  });
  const { url } = await server.listen();
  reloadOnHangup(run, log, [rereadCertificate(given, run.signal, server)]);
  announce(url, startLine(given, url, endpoints));
  await interrupted(run.signal);
  await server.close({ graceMs });
}

/** The options of the shield for an S3 store, if it is asked for. Throws `USAGE` for flags that contradict each other. */
function s3Shield(given: ProxyArguments): ProxyServerOptions["s3Verify"] {
  const { s3Verify, allowUnverified, s3AccessKeyId, s3SecretAccessKey } = given;
  if (s3Verify && given.require !== undefined)
    throw new TrailsumError("USAGE", "--require signature has no effect with --s3-verify: S3 requests are signed");
  if (s3Verify) return { ...s3Credentials("--s3-verify", given), allowUnverified };
  if (allowUnverified || s3AccessKeyId !== undefined || s3SecretAccessKey !== undefined)
    throw new TrailsumError("USAGE", "settings for S3 have no effect without --s3-verify: give it, too");
  return undefined;
}

const SELECTIONS = ["integrity", "declared", "all", "none"] as const;

/** A selection by its name, or a list of field names. A lone word that is almost a selection is refused, not a field name. */
function selection(flag: string, text: string): TrailerSelection {
  const selected = SELECTIONS.find((name) => name === text.trim());
  if (selected !== undefined) return selected;
  const names = listOf(text);
  const [name = ""] = names;
  const meant = names.length === 1 ? suggestion(name, SELECTIONS) : "";
  if (names.length === 0 || meant !== "")
    throw new TrailsumError(
      "USAGE",
      `--${flag} cannot be ${JSON.stringify(text)}${meant || `: use ${SELECTIONS.join(", ")} or names`}`,
    );
  return names;
}
