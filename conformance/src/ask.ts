import type { ConformanceCase, Setup } from "./conformance-case.ts";
import { freePort } from "./free-port.ts";
import { startOwnProxy } from "./own-proxy.ts";
import type { Peer } from "./peers/peer.ts";
import { PeerProcess } from "./peers/run-peer.ts";
import { runCase } from "./run-case.ts";
import { DIED, type Outcome, outcomeOf, type Score } from "./score.ts";
import { startOrigin } from "./scripted-origin.ts";

/** What other proxies can be asked: the others are about settings of this one. */
const ASKED_OF_PEERS: ReadonlySet<Setup> = new Set(["usual", "down", "impatient"]);

/** Peers wait for a second: longer than that is no answer. */
const TIMEOUT = 2_000;
const AT_ONCE = 8;

/** A proxy that listens somewhere, whoever started it. */
export async function askAnyone(
  cases: readonly ConformanceCase[],
  proxy: { readonly host: string; readonly port: number },
  originPort: number,
): Promise<Readonly<Record<string, Outcome>>> {
  const origin = await startOrigin(originPort);
  const asked = cases.filter(({ setup }) => setup === "usual");
  const outcomes = await playAll(asked, (one) => runCase(one, { proxy, origin, timeout: TIMEOUT }));
  await origin.close();
  return outcomes;
}

/** This project's own proxy, in this process, with every setup. */
export async function askOwn(cases: readonly ConformanceCase[], version: string): Promise<Score> {
  const origin = await startOrigin();
  const nobody = await freePort();
  const started = [...new Set(cases.map(({ setup }) => setup))].map(
    async (setup) => [setup, await startOwnProxy(setup === "down" ? nobody : origin.port, setup)] as const,
  );
  const proxies = new Map(await Promise.all(started));
  const outcomes = await playAll(cases, (one) =>
    runCase(one, { proxy: { host: "127.0.0.1", port: proxies.get(one.setup)!.port }, origin, timeout: TIMEOUT }),
  );
  await Promise.all(Array.from(proxies.values(), (proxy) => proxy.stop()));
  await origin.close();
  return { name: "trailsum", version, outcomes };
}

/** A peer that is on this machine; nothing if it is not. */
export async function askPeer(peer: Peer, cases: readonly ConformanceCase[]): Promise<Score | undefined> {
  const version = await peer.version();
  if (version === undefined) return undefined;
  const origin = await startOrigin();
  const usual = await PeerProcess.start(peer, origin.port);
  const down = await PeerProcess.start(peer, await freePort());
  const play: Play = (one) => {
    const { port } = one.setup === "down" ? down : usual;
    return runCase(one, { proxy: { host: "127.0.0.1", port }, origin, timeout: TIMEOUT });
  };
  try {
    const asked = cases.filter(({ setup }) => ASKED_OF_PEERS.has(setup));
    const outcomes = await playAll(asked, play);
    // Again and alone: a proxy that dies, or is overburdened, by one case must not fail others.
    for (const one of asked.filter(({ id }) => outcomes[id]?.verdict !== "kept")) {
      outcomes[one.id] = outcomeOf(one, await playAlone(one, play, [usual, down]));
    }
    return { name: peer.name, version, outcomes };
  } finally {
    await Promise.all([usual.stop(), down.stop()]);
    await origin.close();
  }
}

type Play = (one: ConformanceCase) => Promise<string | undefined>;

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

/** Plays cases, several at once, and then those that have to be alone. */
async function playAll(cases: readonly ConformanceCase[], play: Play): Promise<Record<string, Outcome>> {
  const outcomes: Record<string, Outcome> = {};
  const queue = cases.filter(({ alone }) => !alone);
  const worker = async (): Promise<void> => {
    for (let one = queue.shift(); one !== undefined; one = queue.shift()) {
      outcomes[one.id] = outcomeOf(one, await play(one));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  for (const one of cases.filter(({ alone }) => alone)) outcomes[one.id] = outcomeOf(one, await play(one));
  return outcomes;
}
