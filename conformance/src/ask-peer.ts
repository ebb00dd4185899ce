import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { certificate } from "@trailsum/testkit/certificate";

import { type Combination, combinationId, HTTP1 } from "./combination.ts";
import type { ConformanceCase, Setup } from "./conformance-case.ts";
import { freePort } from "@trailsum/testkit/free-ports";
import type { Peer, PeerManner } from "./peers/peer.ts";
import { PeerProcess } from "./peers/run-peer.ts";
import { type Outcomes, type Play, playAll, TIMEOUT } from "./play-all.ts";
import { casesOf } from "./playable.ts";
import { runCase } from "./run-case.ts";
import { DIED, outcomeOf, type Score } from "./score.ts";
import { startOrigin } from "./scripted-origin.ts";

const SETUPS: ReadonlySet<Setup> = new Set(["usual", "down", "impatient"]);

/** What other proxies can be asked: the others are about settings of this one. */
export function askedOfPeers(cases: readonly ConformanceCase[]): readonly ConformanceCase[] {
  return cases.filter(({ setup }) => SETUPS.has(setup));
}

/** A peer that is on this machine, in all that it can speak; nothing if it is not here. */
export async function askPeer(
  peer: Peer,
  cases: readonly ConformanceCase[],
  combinations: readonly Combination[],
): Promise<Score | undefined> {
  const version = await peer.version();
  if (version === undefined) return undefined;
  const { combinations: speaks = [HTTP1] } = peer;
  const outcomes: Record<string, Outcomes> = {};
  const directory = await mkdtemp(join(tmpdir(), "conformance-tls-"));
  try {
    const spoken = new Set(speaks.map(combinationId));
    for (const combination of combinations.filter((one) => spoken.has(combinationId(one)))) {
      outcomes[combinationId(combination)] = await askPeerOf(peer, cases, { combination, directory });
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  return { name: peer.name, version, outcomes };
}

async function askPeerOf(
  peer: Peer,
  cases: readonly ConformanceCase[],
  { combination, directory }: { readonly combination: Combination; readonly directory: string },
): Promise<Outcomes> {
  const overTls = peer.overTls === true;
  const { cert, key } = await certificate();
  const tls = { certFile: join(directory, "cert.pem"), keyFile: join(directory, "key.pem") };
  await Promise.all([writeFile(tls.certFile, cert), writeFile(tls.keyFile, key)]);
  const origin = await startOrigin({
    version: combination.origin,
    tls: overTls && combination.origin === "2" ? { cert, key } : undefined,
  });
  const manner: Partial<PeerManner> = { combination, tls };
  const usual = await PeerProcess.start(peer, origin.port, manner);
  const down = await PeerProcess.start(peer, await freePort(), manner);
  const play: Play = (one) => {
    const { port } = one.setup === "down" ? down : usual;
    const proxy = { host: "127.0.0.1", port, tls: overTls && combination.client === "2" };
    return runCase(one, { combination, proxy, origin, timeout: TIMEOUT });
  };
  try {
    const asked = casesOf(askedOfPeers(cases), combination);
    const outcomes = await playAll(asked, play);
    // Again and alone: a proxy that dies, or is overburdened, by one case must not fail others.
    for (const one of asked.filter(({ id }) => outcomes[id]?.verdict !== "kept")) {
      outcomes[one.id] = outcomeOf(one, await playAlone(one, play, [usual, down]));
    }
    return outcomes;
  } finally {
    await Promise.all([usual.stop(), down.stop()]);
    await origin.close();
  }
}

async function playAlone(
  one: ConformanceCase,
  play: Play,
  processes: readonly PeerProcess[],
): Promise<string | undefined> {
  const deaths = (): number => processes.reduce((sum, process) => sum + process.deaths, 0);
  const ready = (): Promise<unknown> => Promise.all(processes.map((process) => process.ready()));
  await ready();
  const before = deaths();
  const failure = await play(one);
  // A process takes a moment to die.
  if (failure !== undefined) await new Promise((resolve) => setTimeout(resolve, 100));
  await ready();
  return deaths() > before ? `${DIED} (${failure ?? "after its answer"})` : failure;
}
