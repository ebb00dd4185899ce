import { TrailsumError } from "@trailsum/shared";

/** How one of several targets is chosen: each in turn, or the one with the fewest requests under way. */
export type Balance = "round-robin" | "least-connections";

/** When a target is left out, and for how long. */
export interface HealthOptions {
  /** So many failures in a row eject it. Default 3. */
  readonly maxFailures?: number | undefined;
  /** Milliseconds until it is tried again. Default 10,000. */
  readonly ejectedFor?: number | undefined;
}

/** Where requests to a target go. */
export interface TargetBase {
  /** `http://host:port` or `https://host:port`. */
  readonly origin: string;
  /** A path that stands before that of each request. */
  readonly path: string;
  /** A query that stands before that of each request, without its `?`. */
  readonly query: string;
}

/** One server that requests can go to. */
export class Target {
  readonly base: TargetBase;
  /** Requests under way. */
  active = 0;
  /** Failures since the last success. */
  failures = 0;
  /** When it may be tried again, by the monotonic clock; 0 while it is well. */
  ejectedUntil = 0;

  constructor({ origin, pathname, search }: URL) {
    this.base = { origin, path: pathname, query: search.slice(1) };
  }
}

/** The servers that requests can go to, and how they are doing. Health is judged by the requests themselves. */
export class Targets {
  readonly #targets: readonly Target[];
  readonly #balance: Balance;
  readonly #maxFailures: number;
  readonly #ejectedFor: number;
  #turn = 0;

  constructor(urls: readonly URL[], balance: Balance = "round-robin", health: HealthOptions = {}) {
    this.#targets = urls.map((url) => new Target(url));
    this.#balance = balance;
    this.#maxFailures = health.maxFailures ?? 3;
    this.#ejectedFor = health.ejectedFor ?? 10_000;
  }

  /**
   * The target for a request that has been to `tried` already. A single target is always chosen; among several an
   * ejected one is not, until its time is over. Nothing when there is none left.
   */
  choose(tried: readonly Target[]): Target | undefined {
    if (this.#targets.length === 1) return tried.length === 0 ? this.#targets[0] : undefined;
    const now = performance.now();
    const turn = this.#turn;
    this.#turn = (turn + 1) % this.#targets.length;
    let chosen: Target | undefined;
    for (let at = 0; at < this.#targets.length; at += 1) {
      const target = this.#targets[(turn + at) % this.#targets.length]!;
      if (tried.includes(target) || target.ejectedUntil > now) continue;
      if (this.#balance === "round-robin") return target;
      if (chosen === undefined || target.active < chosen.active) chosen = target;
    }
    return chosen;
  }

  succeeded(target: Target): void {
    target.failures = 0;
    target.ejectedUntil = 0;
  }

  /** One failure more. A target that has just been tried again after its time needs only one to be left out again. */
  failed(target: Target): void {
    target.failures += 1;
    if (target.failures >= this.#maxFailures) target.ejectedUntil = performance.now() + this.#ejectedFor;
  }
}

/** The targets' URLs, checked: `http:` or `https:`, nothing but an origin, a path and a query. `USAGE` otherwise. */
export function targetUrls(given: string | URL | readonly (string | URL)[]): URL[] {
  const list = Array.isArray(given) ? (given as readonly (string | URL)[]) : [given as string | URL];
  if (list.length === 0) throw new TrailsumError("USAGE", "a proxy needs at least one target");
  return list.map((target) => {
    const url = URL.parse(String(target));
    if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
      throw new TrailsumError("USAGE", `"${String(target)}" is no target: write something like http://127.0.0.1:9000`);
    }
    return url;
  });
}
