import { once } from "node:events";
import { connect } from "node:net";

import type { ConformanceCase, Step } from "./conformance-case.ts";
import { type Endpoint, Http1Endpoint, type Patience } from "./endpoint.ts";
import type { Arrival, ScriptedOrigin } from "./scripted-origin.ts";
import { Wire } from "./wire.ts";

/** Where the proxy is, and the origin that it passes requests to. */
export interface Bench {
  readonly proxy: { readonly host: string; readonly port: number };
  readonly origin: ScriptedOrigin;
  /** Milliseconds that either side waits for what it must see. */
  readonly timeout: number;
}

/** How long it takes until a request that should not have come would be there, in milliseconds. */
const SETTLE = 40;

/** Plays a case. Gives what went wrong; nothing when nothing did. */
export async function runCase(given: ConformanceCase, { proxy, origin, timeout }: Bench): Promise<string | undefined> {
  const over = new AbortController();
  const patience: Patience = { timeout, signal: over.signal };
  const marks = new Marks();
  const arrivals = new Arrivals();
  const unregister = origin.register(given.id, (arrival) => arrivals.add(arrival));
  const socket = connect({ ...proxy, allowHalfOpen: true, noDelay: true });
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
    const unfinished = await playOrigin(given, arrivals, { patience, marks });
    // At once: what comes over these connections from here on may belong to another case.
    arrivals.finish(unfinished);
  });
  await play("client", async () => {
    const wire = new Wire(socket);
    await once(socket, "connect");
    await playSteps(given.client, new Http1Endpoint(wire, given.id, patience), { patience, marks });
  });
  // Where the origin may be left out, what it waits for need not come once the client has its answer.
  if (given.reached !== "yes") {
    await new Promise((resolve) => setTimeout(resolve, SETTLE));
    if (arrivals.taken === 0) over.abort();
  }
  await originSide;
  const stray = arrivals.stray();
  if (failures.length === 0 && stray !== undefined) failures.push(`origin: got ${stray}, which nobody sent`);
  unregister();
  arrivals.close();
  socket.destroy();
  return failures.length === 0 ? undefined : failures.join("; ");
}

interface Play {
  readonly patience: Patience;
  readonly marks: Marks;
}

/** The steps of the origin: each request may come over another connection. Gives the one with a request half seen. */
async function playOrigin({ id, origin }: ConformanceCase, arrivals: Arrivals, play: Play): Promise<Wire | undefined> {
  let endpoint: Http1Endpoint | undefined;
  let within = false;
  for (const step of origin) {
    if (("see" in step || "seeHead" in step) && !within) {
      if (endpoint !== undefined) arrivals.release(endpoint.wire);
      endpoint = new Http1Endpoint(await arrivals.next(play.patience), id, play.patience);
    }
    if ("seeHead" in step) within = true;
    if ("see" in step) within = false;
    if (endpoint === undefined && !("mark" in step || "after" in step || "pause" in step)) {
      throw new Error("a script of an origin begins with what it sees");
    }
    if ("reused" in step) arrivals.checkReused(endpoint!.wire);
    else await playStep(step, endpoint!, play);
  }
  return within ? endpoint?.wire : undefined;
}

async function playSteps(steps: readonly Step[], endpoint: Endpoint, play: Play): Promise<void> {
  for (const step of steps) await playStep(step, endpoint, play);
}

async function playStep(step: Step, endpoint: Endpoint, { marks, patience }: Play): Promise<void> {
  if ("send" in step) endpoint.send(step.send, step.cut ?? 0);
  else if ("see" in step) await endpoint.see(step.see, "whole");
  else if ("seeHead" in step) await endpoint.see(step.seeHead, "head");
  else if ("seeBytes" in step) await endpoint.seeBytes(step.seeBytes);
  else if ("seeEnd" in step) await endpoint.seeEnd();
  else if ("act" in step) endpoint.act(step.act);
  else if ("mark" in step) marks.set(step.mark);
  else if ("after" in step) await marks.reached(step.after, patience);
  else if ("pause" in step) await new Promise((resolve) => setTimeout(resolve, step.pause));
  else throw new Error("only an origin sees connections");
}

/** Points that one side has come to and the other waits for. */
class Marks {
  readonly #marks = new Map<string, PromiseWithResolvers<void>>();

  set(name: string): void {
    this.#mark(name).resolve();
  }

  async reached(name: string, { timeout, signal }: Patience): Promise<void> {
    const { promise } = this.#mark(name);
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error(`the other side never came to "${name}"`)), timeout);
    const stop = (): void => late.reject(new Error("over"));
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    await Promise.race([promise, late.promise]).finally(() => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    });
  }

  #mark(name: string): PromiseWithResolvers<void> {
    const mark = this.#marks.get(name) ?? Promise.withResolvers<void>();
    this.#marks.set(name, mark);
    return mark;
  }
}

/** The requests of a case that have reached the origin. */
class Arrivals {
  /** How many the script has taken. */
  taken = 0;
  readonly #waiting: Arrival[] = [];
  readonly #held = new Map<Wire, Arrival>();
  #wake: (() => void) | undefined;

  add(arrival: Arrival): void {
    this.#waiting.push(arrival);
    this.#wake?.();
  }

  async next({ timeout, signal }: Patience): Promise<Wire> {
    if (this.#waiting.length === 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeout);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
        signal.addEventListener("abort", this.#wake, { once: true });
        if (signal.aborted) this.#wake();
      });
    }
    const arrival = this.#waiting.shift();
    if (arrival === undefined) throw new Error("the request did not reach it");
    this.taken += 1;
    this.#held.set(arrival.wire, arrival);
    return arrival.wire;
  }

  checkReused(wire: Wire): void {
    if (this.#held.get(wire)?.index === 0) throw new Error("it came over a new connection");
  }

  release(wire: Wire): void {
    const arrival = this.#held.get(wire);
    this.#held.delete(wire);
    arrival?.release();
  }

  /** Gives the connections back when the script is through. Nothing may stand behind what it has seen. */
  finish(unfinished: Wire | undefined): void {
    const through = [...this.#held.keys()].filter((wire) => wire !== unfinished);
    const behind = through.find((wire) => wire.unread.length > 0);
    if (behind !== undefined) throw new Error(`got ${quote(behind)}, which nobody sent`);
    for (const wire of through) this.release(wire);
  }

  /** A request that has come and was not asked for. */
  stray(): string | undefined {
    const [extra] = this.#waiting;
    return extra === undefined ? undefined : quote(extra.wire);
  }

  /** Closes what has not been given back: nobody can say what will come over it. */
  close(): void {
    for (const arrival of [...this.#held.values(), ...this.#waiting]) {
      arrival.wire.socket.destroy();
      arrival.release();
    }
  }
}

function quote({ unread }: Wire): string {
  return JSON.stringify(unread.toString("latin1", 0, 200));
}
