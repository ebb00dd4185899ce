import type { Channel } from "node:diagnostics_channel";

import { diagnostics, TrailsumError, type UpstreamMessage } from "@trailsum/shared";

/** How one of several upstreams is chosen: each in turn, or the one with the fewest requests under way. */
export type Balance = "round-robin" | "least-connections";

/** When an upstream is left out, and for how long. */
export interface HealthOptions {
  /**
   * Failures to connect in a row (refused, timed out, TLS) that eject an upstream.
   * @default 3
   */
  readonly maxFailures?: number | undefined;
  /**
   * Milliseconds until one request probes an ejected upstream.
   * @default 10,000
   */
  readonly ejectedFor?: number | undefined;
}

/** Where requests to an upstream go. */
export interface UpstreamBase {
  /** `http://host:port` or `https://host:port`. */
  readonly origin: string;
  /** A path that is prepended to that of each request. */
  readonly path: string;
  /** A query that is prepended to that of each request, without its `?`. */
  readonly query: string;
}

/** One server that requests can go to. */
export class Upstream {
  readonly base: UpstreamBase;
  /** Requests under way. */
  active = 0;
  /** Failures to connect since a request last reached it. */
  failures = 0;
  /** When it may be probed, by the monotonic clock; 0 while it is not ejected. */
  ejectedUntil = 0;
  /** The attempt that decides whether an upstream that failed is back. */
  probe: UpstreamAttempt | undefined;

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
export class Upstreams {
  readonly #upstreams: readonly Upstream[];
  readonly #balance: Balance;
  readonly #maxFailures: number;
  readonly #ejectedFor: number;
  #turn = 0;

  constructor(urls: readonly URL[], balance: Balance = "round-robin", health: HealthOptions = {}) {
    this.#upstreams = urls.map((url) => new Upstream(url));
    this.#balance = balance;
    this.#maxFailures = health.maxFailures ?? 3;
    this.#ejectedFor = health.ejectedFor ?? 10_000;
  }

  /**
   * An attempt at an upstream for a request that has been to `tried` already; nothing when it has been to all. An upstream that
   * failed is probed by one request at a time, and once ejected not before its time is over. When no other is left, such
   * upstreams are used all the same. `preferred` is chosen in any state.
   */
  attempt(tried: readonly Upstream[], preferred?: Upstream): UpstreamAttempt | undefined {
    if (preferred !== undefined && !tried.includes(preferred)) return new UpstreamAttempt(preferred, this);
    const first = this.#turn;
    this.#turn = (first + 1) % this.#upstreams.length;
    const upstream = this.#choose(first, tried, "usable") ?? this.#choose(first, tried, "any");
    return upstream && new UpstreamAttempt(upstream, this);
  }

  /** Chooses among the upstreams from `first` on, in turn. It is called for every request, and makes no lists of them. */
  #choose(first: number, tried: readonly Upstream[], which: "usable" | "any"): Upstream | undefined {
    let fewest: Upstream | undefined;
    for (let turn = 0; turn < this.#upstreams.length; turn += 1) {
      const upstream = this.#upstreams[(first + turn) % this.#upstreams.length]!;
      if (tried.includes(upstream) || (which === "usable" && !upstream.usable)) continue;
      if (this.#balance === "round-robin") return upstream;
      if (fewest === undefined || upstream.active < fewest.active) fewest = upstream;
    }
    return fewest;
  }

  /** A request has reached it. */
  reached(upstream: Upstream): void {
    upstream.failures = 0;
    if (upstream.ejectedUntil !== 0) publish(diagnostics.upstreamReturned, upstream);
    upstream.ejectedUntil = 0;
  }

  /** It could not be connected to. After a probe failed, one failure is enough to leave it out again. */
  unreachable(upstream: Upstream): void {
    upstream.failures += 1;
    if (upstream.failures < this.#maxFailures) return;
    if (upstream.ejectedUntil === 0) publish(diagnostics.upstreamEjected, upstream);
    upstream.ejectedUntil = performance.now() + this.#ejectedFor;
  }
}

function publish(channel: Channel, { base: { origin } }: Upstream): void {
  if (channel.hasSubscribers) channel.publish({ origin } satisfies UpstreamMessage);
}

/** One request's use of an upstream, from the choice to the end of its exchange. */
export class UpstreamAttempt {
  readonly upstream: Upstream;
  readonly #upstreams: Upstreams;
  #decided = false;
  #ended = false;

  constructor(upstream: Upstream, upstreams: Upstreams) {
    this.upstream = upstream;
    this.#upstreams = upstreams;
    upstream.active += 1;
    if (upstream.failures > 0) upstream.probe ??= this;
  }

  /** The upstream accepted a connection, even if the request fails later. */
  reached(): void {
    if (this.#decide()) this.#upstreams.reached(this.upstream);
  }

  /** The upstream could not be connected to. */
  unreachable(): void {
    if (this.#decide()) this.#upstreams.unreachable(this.upstream);
  }

  /** The exchange is over. An attempt that never learnt whether the upstream is there says nothing about it. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.upstream.active -= 1;
    this.#decide();
  }

  #decide(): boolean {
    if (this.#decided) return false;
    this.#decided = true;
    if (this.upstream.probe === this) this.upstream.probe = undefined;
    return true;
  }
}

/**
 * The targets' URLs, checked: `http:` or `https:`, and nothing but an origin, a path and a query. Throws `USAGE` otherwise.
 * Credentials would end up nowhere, or in logs, and a fragment is never sent (RFC 9110 sections 4.2.4 and 7.1).
 */
export function upstreamUrls(given: string | URL | readonly (string | URL)[]): URL[] {
  const list = Array.isArray(given) ? (given as readonly (string | URL)[]) : [given as string | URL];
  if (list.length === 0) throw new TrailsumError("USAGE", "a proxy needs at least one target");
  return list.map(upstreamUrl);
}

function upstreamUrl(target: string | URL): URL {
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
