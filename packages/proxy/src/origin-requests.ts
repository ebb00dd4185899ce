import { TrailerAgent } from "@trailsum/client";
import type { ClientConnection } from "@trailsum/http/inbound";
import type { FieldLines, TrailsumError } from "@trailsum/shared";

import { isUnprocessed, isUnreachable, mayGoElsewhere, originFailure } from "./failure.ts";
import { authenticatesConnection, ConnectionBoundAgents } from "./origin/connection-bound-agents.ts";
import type { OriginRoute, RoundTrip } from "./origin/round-trip.ts";
import type { ProxiedExchange } from "./proxied-exchange.ts";
import type { OutboundContent } from "./request/outbound-content.ts";
import { type OutboundPolicy, outboundRequest, type OutboundRequest } from "./request/outbound-request.ts";
import type { ReverseProxyOptions } from "./reverse-proxy-options.ts";
import { type Upstream, type UpstreamAttempt, Upstreams, upstreamUrls } from "./upstream/upstreams.ts";

/** How often a request with content is sent again to the only target, which refused it unprocessed (RFC 9113 section 8.7). */
const RESENDINGS = 3;

/** Sends the requests of exchanges to origins: to which of them, over which connections, and when to another. */
export class OriginRequests {
  /** Whether trailers and expectations can be sent. undici's own dispatchers send no trailers, and refuse an expectation. */
  readonly capable: boolean;
  /** Whether nothing else uses the connections. */
  readonly exclusive: boolean;
  readonly #own: TrailerAgent | undefined;
  readonly #shared: OriginRoute;
  readonly #bound: ConnectionBoundAgents | undefined;
  readonly #upstreams: Upstreams;
  readonly #outbound: OutboundPolicy;
  readonly #rewrite: ReverseProxyOptions["rewrite"];

  constructor(options: ReverseProxyOptions, outbound: Omit<OutboundPolicy, "sendsTrailers">) {
    this.#own = options.dispatcher === undefined ? new TrailerAgent(options.agent) : undefined;
    const dispatcher = options.dispatcher ?? this.#own!;
    this.capable = dispatcher instanceof TrailerAgent;
    this.exclusive = this.#own !== undefined;
    this.#shared = { dispatcher, closes: false };
    this.#bound = this.#own === undefined ? undefined : new ConnectionBoundAgents(options.agent);
    this.#upstreams = new Upstreams(upstreamUrls(options.target), options.balance, options.health);
    this.#outbound = { ...outbound, sendsTrailers: this.capable };
    this.#rewrite = options.rewrite;
  }

  /** Chooses an upstream, aims the request at it and sends it; tries again while that can do no harm. */
  async send<Outcome>(
    proxied: ProxiedExchange,
    content: OutboundContent | undefined,
    dispatch: (route: OriginRoute, out: OutboundRequest) => RoundTrip<Outcome>,
  ): Promise<Outcome> {
    const { request, sign } = proxied.admitted;
    const { connection } = proxied.exchange;
    const upstreams = this.#upstreams;
    const tried: Upstream[] = [];
    let resendings = 0;
    let attempt = upstreams.attempt(tried, this.#bound?.get(connection)?.upstream)!;
    for (;;) {
      const { upstream } = attempt;
      tried.push(upstream);
      proxied.hold(attempt);
      const out = outboundRequest(request, upstream.base, this.#outbound);
      if (this.#rewrite !== undefined) await this.#rewrite({ in: request, out });
      sign?.(out);
      proxied.outcome.origin = out.origin;
      try {
        const trip = dispatch(this.#routeTo(upstream, connection, out.header), out);
        proxied.follow(trip);
        const outcome = await trip.outcome;
        content?.release();
        return outcome;
      } catch (error) {
        const failure = originFailure(error, out.origin);
        if (isUnreachable(failure)) attempt.unreachable();
        const next = followingAttempt(failure, content);
        if (next === undefined) throw failure;
        attempt = next;
      }
    }

    /** Where the request goes after this failure: to another upstream, or to the same one if that did not process it. */
    function followingAttempt(failure: TrailsumError, body: OutboundContent | undefined): UpstreamAttempt | undefined {
      const begun = body?.begun === true;
      const unprocessed = isUnprocessed(failure.cause);
      if (begun ? !unprocessed || !body.repeatable : !mayGoElsewhere(failure, request)) return undefined;
      const elsewhere = upstreams.attempt(tried);
      if (elsewhere !== undefined || !begun || resendings === RESENDINGS) return elsewhere;
      resendings += 1;
      return upstreams.attempt([]);
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#own?.close(), this.#bound?.close()]);
  }

  /** The connections that the request may use: those of all clients, unless it authenticates or has authenticated one. */
  #routeTo(upstream: Upstream, connection: ClientConnection, header: FieldLines): OriginRoute {
    const authenticates = authenticatesConnection(header);
    const origin = authenticates ? this.#bound?.bind(connection) : this.#bound?.get(connection);
    if (origin === undefined)
      return authenticates ? { dispatcher: this.#shared.dispatcher, closes: true } : this.#shared;
    origin.upstream = upstream;
    return { dispatcher: origin.agent, closes: false };
  }
}
