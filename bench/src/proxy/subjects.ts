import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { peers } from "@trailsum/conformance/peers";
import type { Peer } from "@trailsum/conformance/peers/peer";
import { PeerProcess } from "@trailsum/conformance/peers/run-peer";

import { profilingArgs } from "../profiles.ts";
import { isWanted } from "../settings.ts";

/** A proxy that is running and can be measured. */
export interface Subject {
  readonly name: string;
  readonly version: string;
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

const root = join(import.meta.dirname, "../../..");

/** This project's proxy as its command starts it, its access log included; it goes where all output of subjects goes. */
export function ours(name = "trailsum", ...flags: readonly string[]): Peer {
  return {
    name,
    install: "",
    async version() {
      const manifest = await readFile(join(root, "packages/cli/package.json"), "utf8");
      return (JSON.parse(manifest) as { version: string }).version;
    },
    command: async ({ port, originPort }) => [
      process.execPath,
      ...profilingArgs(name),
      join(root, "packages/cli/src/bin.ts"),
      "proxy",
      `http://127.0.0.1:${originPort}`,
      "--port",
      String(port),
      ...flags,
    ],
  };
}

/** This project's proxy and all others that are known. */
export const allProxies: readonly Peer[] = [ours(), ...peers];

/** Those of them that have these names. */
export function only(...names: readonly string[]): readonly Peer[] {
  return allProxies.filter(({ name }) => names.includes(name));
}

/** Starts those that are wanted and installed, before the same origin; says what else could be. */
export async function startSubjects(candidates: readonly Peer[], originPort: number): Promise<Subject[]> {
  const starting = candidates.filter(({ name }) => isWanted(name)).map((peer) => startSubject(peer, originPort));
  const settled = await Promise.allSettled(starting);
  const subjects = settled.flatMap((one) => (one.status === "fulfilled" ? (one.value ?? []) : []));
  const failed = settled.find((one) => one.status === "rejected");
  if (failed === undefined) return subjects;
  await Promise.all(subjects.map((subject) => subject.stop()));
  throw failed.reason;
}

async function startSubject(peer: Peer, originPort: number): Promise<Subject | undefined> {
  const { name } = peer;
  const version = await peer.version();
  if (version === undefined) {
    console.error(`${name} is not on this machine: ${peer.install}`);
    return undefined;
  }
  try {
    const running = await PeerProcess.start(peer, originPort, { timeout: 60, keep: 4096 });
    return { name, version, port: running.port, pid: running.pid!, stop: () => running.stop() };
  } catch (cause) {
    throw new Error(`${name} could not be started`, { cause });
  }
}
