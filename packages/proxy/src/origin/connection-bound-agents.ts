import { TrailerAgent, type TrailerAgentOptions } from "@trailsum/client";
import { type ClientConnection, clientGoneError } from "@trailsum/http/inbound";
import type { FieldLines } from "@trailsum/shared";

import type { Upstream } from "../upstream/upstreams.ts";

/** The connection of one client to an origin that authenticates connections. */
export interface BoundOrigin {
  /** Carries the requests of this client connection, one at a time, and no others. */
  readonly agent: TrailerAgent;
  /** The upstream that it authenticated to, among several. */
  upstream: Upstream | undefined;
}

/**
 * NTLM and Negotiate authenticate a connection and not a request (RFC 4559 section 6): the next request on it has
 * the identity of the one before. A client connection that uses one of them has its own origin connection
 * from then on, over HTTP/1.1, which ends with it.
 */
export class ConnectionBoundAgents {
  readonly #options: TrailerAgentOptions;
  readonly #origins = new Map<ClientConnection, BoundOrigin>();

  constructor(options: TrailerAgentOptions = {}) {
    this.#options = { ...options, connections: 1, allowH2: false };
  }

  /** The origin connection of this client connection; nothing where it shares those of others. */
  get(connection: ClientConnection): BoundOrigin | undefined {
    return this.#origins.size === 0 ? undefined : this.#origins.get(connection);
  }

  /** Gives this client connection its own origin connection, if it has none. */
  bind(connection: ClientConnection): BoundOrigin {
    const known = this.#origins.get(connection);
    if (known !== undefined) return known;
    // It has emitted its `close`, and nothing would end what belonged to it.
    if (connection.destroyed) throw clientGoneError();
    const bound: BoundOrigin = { agent: new TrailerAgent(this.#options), upstream: undefined };
    this.#origins.set(connection, bound);
    connection.once("close", () => {
      this.#origins.delete(connection);
      bound.agent.close().catch(() => {});
    });
    return bound;
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#origins.values(), ({ agent }) => agent.close()));
  }
}

/** Whether a request carries the credentials of a scheme that authenticates its connection. */
export function authenticatesConnection(header: FieldLines): boolean {
  return header.has("Authorization") && header.getAll("Authorization").some((value) => SCHEME.test(value));
}

const SCHEME = /^(?:ntlm|negotiate)(?:[ \t]|$)/i;
