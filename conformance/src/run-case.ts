import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

import { RawConnection } from "@trailsum/testkit/raw-connection";

import { Arrivals } from "./arrivals.ts";
import { type Combination, combinationId, HTTP1 } from "./combination.ts";
import type { ConformanceCase, Step } from "./conformance-case.ts";
import type { Endpoint, Scene } from "./endpoint.ts";
import { Http1Endpoint } from "./http1-endpoint.ts";
import { Http2Client } from "./http2-client.ts";
import { Marks } from "./marks.ts";
import type { Arrival, ScriptedOrigin } from "./scripted-origin.ts";
import { Wire } from "./wire.ts";

/** Where the proxy is, and the origin that it passes requests to. */
export interface Bench {
  /** What is spoken to the proxy, and what it speaks to the origin. */
  readonly combination: Combination;
  /** `tls`: it is reached by TLS; its certificate may be anyone's. */
  readonly proxy: { readonly host: string; readonly port: number; readonly tls?: boolean };
  readonly origin: ScriptedOrigin;
  /** Milliseconds that either side waits for what it must see. */
  readonly timeout: number;
}

/** How long it takes until a request that should not have come would be there, in milliseconds. */
const SETTLE = 40;

/** Plays a case. Gives what went wrong; nothing when nothing did. */
export async function runCase(given: ConformanceCase, bench: Bench): Promise<string | undefined> {
  const { combination, origin, timeout } = bench;
  const over = new AbortController();
  const scene: Scene = {
    id: `${given.id}@${combinationId(combination)}`,
    patience: { timeout, signal: over.signal },
    spelled: combinationId(combination) === combinationId(HTTP1),
  };
  const marks = new Marks();
  const arrivals = new Arrivals(scene.id);
  const unregister = origin.register(scene.id, (arrival) => arrivals.add(arrival));
  const socket = connection(bench);
  const failures: string[] = [];
  const play = async (side: string, steps: () => Promise<void>): Promise<void> => {
    try {
      await steps();
    } catch (error) {
      // What the other side says after one has failed is only a consequence.
      if (!over.signal.aborted) failures.push(`${side}: ${error instanceof Error ? error.message : String(error)}`);
      over.abort();
    }
  };
  const originSide = play("origin", async () => {
    const unfinished = await playOrigin(given, { arrivals, scene, marks });
    // At once: what comes over these connections from here on may belong to another case.
    arrivals.finish(unfinished);
  });
  await play("client", async () => {
    const endpoint = await clientOn(socket, bench, scene);
    for (const step of given.client) await playStep(step, endpoint, { scene, marks });
  });
  // Where the origin may be left out, what it waits for need not come once the client has its answer.
  if (given.reached !== "yes") {
    await new Promise((resolve) => setTimeout(resolve, SETTLE));
    if (arrivals.taken === 0) over.abort();
  }
  await originSide;
  const stray = arrivals.stray();
  if (failures.length === 0 && stray !== undefined) failures.push(`origin: got ${stray}, which was not sent`);
  unregister();
  arrivals.close();
  socket.destroy();
  return failures.length === 0 ? undefined : failures.join("; ");
}

interface Play {
  readonly scene: Scene;
  readonly marks: Marks;
}

/** A connection to the proxy. */
function connection({ proxy: { host, port, tls = false }, combination }: Bench): Socket {
  if (!tls) return connect({ host, port, allowHalfOpen: true, noDelay: true });
  const ALPNProtocols = [combination.client === "2" ? "h2" : "http/1.1"];
  return connectTls({ host, port, ALPNProtocols, servername: "localhost", rejectUnauthorized: false });
}

async function clientOn(socket: Socket, { combination, proxy }: Bench, scene: Scene): Promise<Endpoint> {
  const wire = combination.client === "2" ? undefined : new Wire(socket);
  await once(socket, proxy.tls === true ? "secureConnect" : "connect");
  if (wire !== undefined) return new Http1Endpoint(wire, scene);
  const client = new Http2Client(new RawConnection(socket), scene, proxy.tls === true ? "https" : "http");
  await client.greet();
  return client;
}

/** The steps of the origin: each request is another arrival. Gives the one with a request half seen. */
async function playOrigin(
  { origin }: ConformanceCase,
  play: Play & { readonly arrivals: Arrivals },
): Promise<Arrival | undefined> {
  const { arrivals, scene } = play;
  const sides: { readonly arrival: Arrival; readonly endpoint: Endpoint }[] = [];
  let within = false;
  // Where several requests are answered in turns none of their connections is free before all are.
  const inTurns = origin.some(({ on }) => on !== undefined);
  for (const step of origin) {
    const begins = "see" in step || "seeHead" in step;
    if (begins && !within && (step.on ?? Infinity) > sides.length) {
      const before = sides.at(-1);
      if (before !== undefined && !inTurns) arrivals.release(before.arrival);
      const arrival = await arrivals.next(scene.patience);
      sides.push({ arrival, endpoint: arrival.endpoint(scene) });
    }
    if ("seeHead" in step) within = true;
    if ("see" in step) within = false;
    const side = sides[(step.on ?? sides.length) - 1];
    if ("mark" in step || "after" in step || "pause" in step) await playStep(step, undefined, play);
    else if (side === undefined) throw new Error("a script of an origin begins with what it sees");
    else if (!("reused" in step)) await playStep(step, side.endpoint, play);
    else if (side.arrival.index === 0) throw new Error("it came over a new connection");
  }
  return within ? sides.at(-1)?.arrival : undefined;
}

async function playStep(step: Step, side: Endpoint | undefined, { marks, scene }: Play): Promise<void> {
  if ("mark" in step) marks.set(step.mark);
  else if ("after" in step) await marks.reached(step.after, scene.patience);
  else if ("pause" in step) await new Promise((resolve) => setTimeout(resolve, step.pause));
  else if (side === undefined || "reused" in step) throw new Error("only an origin sees connections");
  else await playOn(side instanceof Http2Client && step.on !== undefined ? side.on(step.on) : side, step);
}

async function playOn(side: Endpoint, step: Step): Promise<void> {
  if ("send" in step) side.send(step.send, step.cut ?? 0);
  else if ("sendHead" in step) side.sendHead(step.sendHead);
  else if ("sendContent" in step) side.sendContent(step.sendContent);
  else if ("sendEnd" in step) side.sendEnd(step.sendEnd);
  else if ("see" in step) await side.see(step.see, "whole");
  else if ("seeHead" in step) await side.see(step.seeHead, "head");
  else if ("seeContent" in step) await side.seeContent(step.seeContent);
  else if ("seeBytes" in step) await side.seeBytes(step.seeBytes);
  else if ("seeEnd" in step) await side.seeEnd();
  else if ("act" in step) side.act(step.act);
}
