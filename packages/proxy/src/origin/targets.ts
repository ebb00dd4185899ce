import { TrailsumError } from "@trailsum/shared";

/** How one of several targets is chosen: each in turn, or the one with the fewest requests under way. */
export type Balance = "round-robin" | "least-connections";

/** When a target is left out, and for how long. */
export interface HealthOptions {
  /**
   * Failures to connect in a row (refused, timed out, TLS) that eject a target.
   * @default 3
   */
  readonly maxFailures?: number | undefined;
  /**
   * Milliseconds until one request probes an ejected target.
   * @default 10,000
   */
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
  /** Failures to connect since a request last reached it. */
  failures = 0;
  /** When it may be probed, by the monotonic clock; 0 while it is not ejected. */
  ejectedUntil = 0;
  /** The attempt that decides whether a target that failed is back. */
  probe: TargetAttempt | undefined;

  constructor({ origin, pathname, search }: URL) {
    this.base = { origin, path: pathname, query: search.slice(1) };
  }

  /** Whether it has not failed, or may be probed now. */
  get usable(): boolean {
    return this.failures === 0 || (this.probe === undefined && this.ejectedUntil <= performance.now());
  }
}

/**
 * The servers that requests can go to, and which of them can be reached. Health is judged by connecting alone: what an
 * origin answers, or that it does not answer, may be one request's doing, and one client must not take an origin from
 * the others.
 */
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
   * An attempt at a target for a request that has been to `tried` already; nothing when it has been to all. A target that
   * failed is probed by one request at a time, and once ejected not before its time is over. When no other is left, such
   * targets are used all the same. `preferred` is chosen whatever its state.
   */
  attempt(tried: readonly Target[], preferred?: Target): TargetAttempt | undefined {
    if (preferred !== undefined && !tried.includes(preferred)) return new TargetAttempt(preferred, this);
    const first = this.#turn;
    this.#turn = (first + 1) % this.#targets.length;
    const target = this.#choose(first, tried, "usable") ?? this.#choose(first, tried, "any");
    return target && new TargetAttempt(target, this);
  }

  /** Chooses among the targets from `first` on, in turn. It is called for every request, and makes no lists of them. */
  #choose(first: number, tried: readonly Target[], which: "usable" | "any"): Target | undefined {
    let fewest: Target | undefined;
    for (let turn = 0; turn < this.#targets.length; turn += 1) {
      const target = this.#targets[(first + turn) % this.#targets.length]!;
      if (tried.includes(target) || (which === "usable" && !target.usable)) continue;
      if (this.#balance === "round-robin") return target;
      if (fewest === undefined || target.active < fewest.active) fewest = target;
    }
    return fewest;
  }

  /** A request has reached it. */
  reached(target: Target): void {
    target.failures = 0;
    target.ejectedUntil = 0;
  }

  /** It could not be connected to. After a probe failed, one failure is enough to leave it out again. */
  unreachable(target: Target): void {
    target.failures += 1;
    if (target.failures >= this.#maxFailures) target.ejectedUntil = performance.now() + this.#ejectedFor;
  }
}

/** One request's use of a target, from the choice to the end of its exchange. */
export class TargetAttempt {
  readonly target: Target;
  readonly #targets: Targets;
  #decided = false;
  #ended = false;

  constructor(target: Target, targets: Targets) {
    this.target = target;
    this.#targets = targets;
    target.active += 1;
    if (target.failures > 0) target.probe ??= this;
  }

  /** The target could be connected to, whatever becomes of the request. */
  reached(): void {
    if (this.#decide()) this.#targets.reached(this.target);
  }

  /** The target could not be connected to. */
  unreachable(): void {
    if (this.#decide()) this.#targets.unreachable(this.target);
  }

  /** The exchange is over. An attempt that never learnt whether the target is there says nothing about it. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.target.active -= 1;
    this.#decide();
  }

  #decide(): boolean {
    if (this.#decided) return false;
    this.#decided = true;
    if (this.target.probe === this) this.target.probe = undefined;
    return true;
  }
}

/**
 * The targets' URLs, checked: `http:` or `https:`, and nothing but an origin, a path and a query. Throws `USAGE` otherwise.
 * Credentials would end up nowhere, or in logs, and a fragment is never sent (RFC 9110 sections 4.2.4 and 7.1).
 */
export function targetUrls(given: string | URL | readonly (string | URL)[]): URL[] {
  const list = Array.isArray(given) ? (given as readonly (string | URL)[]) : [given as string | URL];
  if (list.length === 0) throw new TrailsumError("USAGE", "a proxy needs at least one target");
  return list.map(targetUrl);
}

function targetUrl(target: string | URL): URL {
  const text = String(target);
  // What may hold a password is not repeated.
  const shown = text.includes("@") ? "this URL" : JSON.stringify(text);
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new TrailsumError("USAGE", `${shown} is not a valid target: use a URL like http://127.0.0.1:9000`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new TrailsumError("USAGE", `the target ${url.host} has credentials in its URL: set Authorization in rewrite`);
  }
  if (text.includes("#")) throw new TrailsumError("USAGE", `the target ${shown} has a fragment: remove it`);
  return url;
}
