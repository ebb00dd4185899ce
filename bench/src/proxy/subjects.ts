import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { peers } from "@trailsum/conformance/peers";
import type { Peer, PeerManner } from "@trailsum/conformance/peers/peer";
import { PeerProcess } from "@trailsum/conformance/peers/run-peer";

import type { Origin } from "../load/origin.ts";
import { packedCommand } from "../packed-command.ts";
import { profilingArgs } from "../profiles.ts";
import { isWanted, settings } from "../settings.ts";

/** A proxy that is running and can be measured. */
export interface Subject {
  readonly name: string;
  readonly version: string;
  readonly port: number;
  readonly pid: number;
  /** Whether it is spoken to over TLS. */
  readonly tls: boolean;
  stop(): Promise<void>;
}

export const HTTP1 = { client: "1.1", origin: "1.1" } as const;

/** HTTP/2 on both sides. */
export const HTTP2 = { client: "2", origin: "2" } as const;

/** HTTP/2 with clients, HTTP/1.1 with the origin. */
export const HTTP2_CLIENTS = { client: "2", origin: "1.1" } as const;

const root = join(import.meta.dirname, "../../..");

/** This project's proxy as its command starts it, its access log included; it goes where all output of subjects goes. */
export function ours(name = "trailsum", { overTls = false, flags = [] as readonly string[] } = {}): Peer {
  return {
    name,
    install: "",
    combinations: [HTTP1, HTTP2, HTTP2_CLIENTS],
    overTls,
    async version() {
      const manifest = await readFile(join(root, "packages/cli/package.json"), "utf8");
      return (JSON.parse(manifest) as { version: string }).version;
    },
    command: async ({ port, originPort, combination = HTTP1, tls }) => [
      // The origin's certificate is its own authority.
      ...(tls === undefined ? [] : ["env", `NODE_EXTRA_CA_CERTS=${tls.certFile}`]),
      process.execPath,
      ...profilingArgs(name),
      await command(),
      "proxy",
      `${tls === undefined || combination.origin === "1.1" ? "http" : "https"}://127.0.0.1:${originPort}`,
      "--port",
      String(port),
      ...(combination.origin === "2" && tls === undefined ? ["--origin-http2"] : []),
      ...(tls === undefined ? [] : ["--tls-cert", tls.certFile, "--tls-key", tls.keyFile]),
      ...flags,
    ],
  };
}

/** As it is installed, or its source for a look: that is there at once, also while types do not fit. */
async function command(): Promise<string> {
  return settings.look || settings.smoke ? join(root, "packages/cli/src/bin.ts") : packedCommand();
}

/** This project's proxy and all others that are known. */
export const allProxies: readonly Peer[] = [ours(), ...peers];

/** Those of them that have these names. */
export function only(...names: readonly string[]): readonly Peer[] {
  return allProxies.filter(({ name }) => names.includes(name));
}

/** What subjects speak on both sides. */
export type SpokenHttp = typeof HTTP1 | typeof HTTP2 | typeof HTTP2_CLIENTS;

/** Starts those that are wanted, installed, and able to, before the same origin; says what else could be. */
export async function startSubjects(
  candidates: readonly Peer[],
  { ports, tls }: Pick<Origin, "ports" | "tls">,
  spoken: SpokenHttp = HTTP1,
): Promise<Subject[]> {
  const able = candidates.filter(({ combinations = [HTTP1] }) =>
    combinations.some(({ client, origin }) => client === spoken.client && origin === spoken.origin),
  );
  const starting = able
    .filter(({ name }) => isWanted(name))
    .map((peer) => {
      if (spoken === HTTP1) return startSubject(peer, ports.http1, {});
      const manner = peer.overTls === true ? { combination: spoken, tls } : { combination: spoken };
      if (spoken.origin === "1.1") return startSubject(peer, ports.http1, manner);
      return startSubject(peer, peer.overTls === true ? ports.http2Tls : ports.http2, manner);
    });
  const settled = await Promise.allSettled(starting);
  const subjects = settled.flatMap((one) => (one.status === "fulfilled" ? (one.value ?? []) : []));
  const failed = settled.find((one) => one.status === "rejected");
  if (failed === undefined) return subjects;
  await Promise.all(subjects.map((subject) => subject.stop()));
  throw failed.reason;
}

async function startSubject(peer: Peer, originPort: number, manner: Partial<PeerManner>): Promise<Subject | undefined> {
  const { name } = peer;
  const version = await peer.version();
  if (version === undefined) {
    console.error(`${name} is not on this machine: ${peer.install}`);
    return undefined;
  }
  try {
    const running = await PeerProcess.start(peer, originPort, { timeout: 60, keep: 4096, ...manner });
    const { port, pid } = running;
    return { name, version, port, pid: pid!, tls: manner.tls !== undefined, stop: () => running.stop() };
  } catch (cause) {
    if (peer.install === "") throw new Error(`${name} could not be started`, { cause });
    console.error(`${name} could not be started: ${cause instanceof Error ? cause.message : String(cause)}`);
    return undefined;
  }
}
