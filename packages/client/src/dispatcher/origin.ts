import { queueMicrotask } from "@trailsum/shared/streams";
import { errors } from "undici";

import { ConnectionFactory, type ConnectionFactoryOptions } from "./connection-factory.ts";
import type { Connection, ConnectionOwner } from "./connection.ts";
import { Deadlines } from "./deadlines.ts";
import type { Exchange, ExchangeCarrier } from "./exchange.ts";

/** How the connections to an origin are made and used. */
export interface OriginOptions extends ConnectionFactoryOptions {
  /** The most connections at a time. */
  readonly connections: number;
}

/** What an origin reports about its connections. */
export interface OriginEvents {
  onConnect(): void;
  onDisconnect(error: Error): void;
  onConnectionError(error: Error): void;
  /** It holds neither exchanges nor connections any more. */
  onEmpty(): void;
  /** It was busy and no longer is. */
  onDrain(): void;
}

/**
 * The connections to one origin and the exchanges that wait for one. The connection used last is used next, so that
 * those which are not needed fall idle and close. What an HTTP/2 connection can carry gets no second one; and
 * before it is known what an origin speaks, one connection finds out for all that wait.
 */
export class Origin implements ConnectionOwner, ExchangeCarrier {
  readonly url: URL;
  readonly #options: OriginOptions;
  readonly #events: OriginEvents;
  readonly #factory: ConnectionFactory;
  readonly #queue: Exchange[] = [];
  /** Connections that can take one more, and the one used last is the last. */
  readonly #free: Connection[] = [];
  readonly #connections = new Set<Connection>();
  /** Connections that will soon know how much they can carry, or whether they still can: others wait for that. */
  readonly #settling = new Set<Connection>();
  /** Connections on which the server allows nothing for now: what waits, waits no longer than for the head of a response. */
  readonly #blocked = new Set<Connection>();
  readonly #deadlines = new Deadlines(this.#queue);
  /** Connections that take no more, and carry the rest of what they have. They count no more either. */
  readonly #retired = new Set<Connection>();
  readonly #connecting = new Set<() => void>();
  /** Attempts to connect for one exchange alone, which only HTTP/1.1 can carry. */
  readonly #http1Fallbacks = new Map<Exchange, () => void>();
  /** How many exchanges a connection carries at a time, as it was last seen. */
  #capacity: number | undefined;
  #closing = false;
  #destroyedBy: Error | undefined;
  #needsDrain = false;
  #opens = false;

  constructor(url: URL, options: OriginOptions, events: OriginEvents) {
    this.url = url;
    this.#options = options;
    this.#events = events;
    this.#factory = new ConnectionFactory(url, options, this);
    if (!this.#factory.protocols.includes("h2")) this.#capacity = 1;
  }

  /** Whether one more exchange would have to wait until another has ended. */
  get busy(): boolean {
    const coming = this.#options.connections - this.#connections.size + this.#settling.size;
    return this.#next === undefined && this.#queue.length >= coming * (this.#capacity ?? 1);
  }

  /** Whether it holds nothing. */
  get empty(): boolean {
    return this.#queue.length === 0 && this.#total === 0 && this.#retired.size === 0 && this.#http1Fallbacks.size === 0;
  }

  /** Dispatches an exchange, now or when a connection is available. Returns false if the origin is busy then. */
  dispatch(exchange: Exchange): boolean {
    exchange.carrier = this;
    this.#queue.push(exchange);
    if (this.#blocked.size > 0) this.#limitWait(exchange);
    exchange.begin();
    this.#advance();
    this.#needsDrain ||= this.busy;
    return !this.#needsDrain;
  }

  /** Waits for running and queued exchanges to end, and closes idle connections. */
  close(): void {
    this.#closing = true;
    for (const connection of this.#connections) if (connection.idle) connection.destroy();
    this.#settle();
  }

  /** Fails everything with this error. */
  destroy(error: Error): void {
    this.#closing = true;
    this.#destroyedBy = error;
    for (const exchange of this.#queue.splice(0)) exchange.fail(error);
    for (const exchange of this.#http1Fallbacks.keys()) exchange.fail(error);
    for (const connection of [...this.#connections, ...this.#retired]) connection.destroy(error);
    this.#settle();
  }

  // While an exchange waits here, nothing of a response can arrive: there is nothing to pause.

  pause(): void {}

  resume(): void {}

  drop(exchange: Exchange): void {
    this.#http1Fallbacks.get(exchange)?.();
    this.#http1Fallbacks.delete(exchange);
    const at = this.#queue.indexOf(exchange);
    if (at !== -1) this.#queue.splice(at, 1);
    this.#stopOpening();
    this.#settle();
  }

  onFree(connection: Connection): void {
    if (this.#retired.has(connection)) {
      connection.destroy();
      return;
    }
    if (this.#settling.delete(connection)) this.#capacity = connection.capacity;
    this.#unblock(connection);
    this.#free.push(connection);
    this.onIdle(connection);
  }

  onBlocked(connection: Connection): void {
    if (!this.#connections.has(connection) || this.#blocked.has(connection)) return;
    this.#blocked.add(connection);
    for (const exchange of this.#queue) this.#limitWait(exchange);
  }

  onProbing(connection: Connection): void {
    if (this.#connections.has(connection)) this.#settling.add(connection);
  }

  onIdle(connection: Connection): void {
    this.#advance();
    if (this.#closing && connection.idle) connection.destroy();
    this.#settle();
  }

  onRetired(connection: Connection): void {
    if (!this.#connections.has(connection)) return;
    this.#forget(connection);
    this.#retired.add(connection);
    this.#advance();
  }

  onClosed(connection: Connection, error: Error | undefined): void {
    this.#forget(connection);
    this.#retired.delete(connection);
    this.#events.onDisconnect(error ?? new errors.InformationalError("socket idle timeout"));
    this.#advance();
    this.#settle();
  }

  onUnanswered(exchange: Exchange): void {
    if (this.#destroyedBy !== undefined) {
      exchange.fail(this.#destroyedBy);
      return;
    }
    exchange.carrier = this;
    this.#queue.unshift(exchange);
    if (this.#blocked.size > 0) this.#limitWait(exchange);
    this.#advance();
  }

  onHttp1Required(exchange: Exchange): void {
    if (this.#destroyedBy !== undefined) exchange.fail(this.#destroyedBy);
    else if (!this.#factory.protocols.includes("http/1.1")) {
      exchange.fail(
        new errors.NotSupportedError("the server cannot do this over HTTP/2, and nothing else was allowed"),
      );
    } else this.#openFor(exchange);
  }

  /** Gives those that wait to connections that can take one more, and opens others, as far as more are allowed. */
  #advance(): void {
    for (let next = this.#next; next !== undefined && this.#queue.length > 0; next = this.#next) {
      next.run(this.#queue.shift()!);
    }
    if (this.#queue.length === 0 || this.#opens) return;
    this.#opens = true;
    // Not at once: a caller that sends the next request when a response ends gets the connection that is becoming idle.
    queueMicrotask(() => {
      this.#opens = false;
      while (this.#connecting.size < this.#wanted && this.#total < this.#options.connections) this.#open();
    });
  }

  /** The connection that takes the next exchange. */
  get #next(): Connection | undefined {
    for (;;) {
      const last = this.#free.at(-1);
      if (last === undefined || last.free) return last;
      this.#free.pop();
    }
  }

  /** The number of connections to open for the exchanges that wait. */
  get #wanted(): number {
    const waiting = this.#queue.length;
    const needed = Math.ceil(waiting / (this.#capacity ?? waiting)) || 0;
    return Math.max(0, needed - this.#settling.size);
  }

  get #total(): number {
    return this.#connections.size + this.#connecting.size;
  }

  #open(): void {
    const giveUp = this.#factory.connect(this.#factory.protocols, {
      onConnect: (connection, protocol) => {
        this.#connecting.delete(giveUp);
        this.#add(connection);
        if (protocol === "h2") this.#settling.add(connection);
        this.#capacity = connection.capacity;
        this.#free.push(connection);
        this.onIdle(connection);
      },
      onError: (error) => {
        this.#connecting.delete(giveUp);
        this.#unreachable(error);
      },
    });
    this.#connecting.add(giveUp);
  }

  /** Connects once more for this exchange, which HTTP/2 cannot carry to this origin. */
  #openFor(exchange: Exchange): void {
    exchange.carrier = this;
    const giveUp = this.#factory.connect(["http/1.1"], {
      onConnect: (connection) => {
        this.#http1Fallbacks.delete(exchange);
        this.#add(connection);
        // It carries nothing else: what HTTP/2 can carry, it is to carry.
        this.onRetired(connection);
        connection.run(exchange);
      },
      onError: (error) => {
        this.#events.onConnectionError(error);
        exchange.fail(error);
      },
    });
    this.#http1Fallbacks.set(exchange, giveUp);
  }

  #add(connection: Connection): void {
    this.#connections.add(connection);
    this.#events.onConnect();
  }

  /** Abandons attempts that no request waits for, the latest first. */
  #stopOpening(): void {
    for (const giveUp of [...this.#connecting].slice(this.#wanted)) {
      this.#connecting.delete(giveUp);
      giveUp();
    }
  }

  /** A failed attempt fails as many exchanges as the connection would have carried, those that have waited longest. */
  #unreachable(error: Error): void {
    this.#events.onConnectionError(error);
    for (const exchange of this.#queue.splice(0, this.#capacity ?? this.#queue.length)) exchange.fail(error);
    this.#advance();
    this.#settle();
  }

  #limitWait(exchange: Exchange): void {
    const { headersTimeout = this.#options.timeouts.headers } = exchange.request;
    this.#deadlines.set(exchange, headersTimeout);
  }

  #unblock(connection: Connection): void {
    if (!this.#blocked.delete(connection) || this.#blocked.size > 0) return;
    for (const exchange of this.#queue) exchange.deadline = Number.POSITIVE_INFINITY;
  }

  #forget(connection: Connection): void {
    this.#unblock(connection);
    this.#connections.delete(connection);
    this.#settling.delete(connection);
    const at = this.#free.indexOf(connection);
    if (at !== -1) this.#free.splice(at, 1);
  }

  /** Emits events and cleans up after an exchange or connection has ended. */
  #settle(): void {
    // A host that does not answer must not hold `close`.
    if (this.#closing) this.#stopOpening();
    if (this.#needsDrain && !this.busy) {
      this.#needsDrain = false;
      queueMicrotask(() => this.#events.onDrain());
    }
    if (!this.empty) return;
    this.#deadlines.stop();
    this.#events.onEmpty();
  }
}
