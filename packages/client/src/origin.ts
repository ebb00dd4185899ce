import type { Socket } from "node:net";

import { errors } from "undici";

import { type ConnectOptions, type Connector, createConnector } from "./connector.ts";
import type { Exchange, ExchangeCarrier } from "./exchange.ts";
import { type ConnectionOwner, type ConnectionTimeouts, Http1Connection } from "./http1/connection.ts";
import type { ReaderLimits } from "./http1/response-reader.ts";

/** How the connections to an origin are made and used. */
export interface OriginOptions {
  readonly connect: ConnectOptions;
  readonly timeouts: ConnectionTimeouts;
  readonly limits: ReaderLimits;
  /** The most connections at a time. */
  readonly connections: number;
}

/** What an origin tells of its connections. */
export interface OriginEvents {
  onConnect(): void;
  onDisconnect(error: Error): void;
  onConnectionError(error: Error): void;
  /** It holds neither exchanges nor connections any more. */
  onEmpty(): void;
  /** Nothing waits any more. */
  onDrain(): void;
}

/**
 * The connections to one origin and the exchanges that wait for one. The connection used last is used next, so that
 * those which are not needed fall idle and close.
 */
export class Origin implements ConnectionOwner, ExchangeCarrier {
  readonly url: URL;
  readonly #options: OriginOptions;
  readonly #events: OriginEvents;
  readonly #connector: Connector;
  readonly #authority: string;
  readonly #queue: Exchange[] = [];
  readonly #idle: Http1Connection[] = [];
  readonly #connections = new Set<Http1Connection>();
  readonly #connecting = new Set<() => void>();
  #closing = false;

  constructor(url: URL, options: OriginOptions, events: OriginEvents) {
    this.url = url;
    this.#options = options;
    this.#events = events;
    this.#connector = createConnector(url, options.connect);
    this.#authority = url.host;
  }

  /** Whether exchanges wait for a connection that cannot be opened yet. */
  get busy(): boolean {
    return this.#queue.length > this.#connecting.size;
  }

  /** Whether it holds nothing. */
  get empty(): boolean {
    return this.#queue.length === 0 && this.#connections.size === 0 && this.#connecting.size === 0;
  }

  /** Sends an exchange on its way, at once or when there is a connection. */
  dispatch(exchange: Exchange): void {
    const connection = this.#idle.pop();
    if (connection !== undefined) {
      connection.run(exchange);
      return;
    }
    exchange.carrier = this;
    this.#queue.push(exchange);
    this.#open();
  }

  /** Lets what runs and waits come to its end, and closes what is idle. */
  close(): void {
    this.#closing = true;
    for (const connection of this.#idle.splice(0)) connection.destroy();
    this.#checkEmpty();
  }

  /** Fails everything with this error. */
  destroy(error: Error): void {
    this.#closing = true;
    for (const exchange of this.#queue.splice(0)) exchange.fail(error);
    for (const giveUp of this.#connecting) giveUp();
    this.#connecting.clear();
    for (const connection of this.#connections) connection.destroy(error);
    this.#checkEmpty();
  }

  // While an exchange waits here, nothing of a response can arrive: there is nothing to pause.

  pause(): void {}

  resume(): void {}

  drop(exchange: Exchange): void {
    const at = this.#queue.indexOf(exchange);
    if (at !== -1) this.#queue.splice(at, 1);
    this.#checkEmpty();
  }

  onIdle(connection: Http1Connection): void {
    const exchange = this.#queue.shift();
    if (exchange !== undefined) {
      connection.run(exchange);
      if (this.#queue.length === 0) this.#events.onDrain();
    } else if (this.#closing) connection.destroy();
    else this.#idle.push(connection);
  }

  onClosed(connection: Http1Connection, error: Error | undefined): void {
    this.#connections.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at !== -1) this.#idle.splice(at, 1);
    this.#events.onDisconnect(error ?? new errors.InformationalError("socket idle timeout"));
    if (this.#queue.length > 0) this.#open();
    this.#checkEmpty();
  }

  onUnanswered(exchange: Exchange): void {
    exchange.carrier = this;
    this.#queue.unshift(exchange);
    this.#open();
  }

  #open(): void {
    if (this.#connecting.size >= this.#queue.length) return;
    if (this.#connections.size + this.#connecting.size >= this.#options.connections) return;
    const giveUp = this.#connector.connect((error, socket) => {
      this.#connecting.delete(giveUp);
      if (error === undefined) this.#connected(socket);
      else this.#unreachable(error);
    });
    this.#connecting.add(giveUp);
  }

  #connected(socket: Socket): void {
    const { timeouts, limits } = this.#options;
    const connection = new Http1Connection(socket, { owner: this, authority: this.#authority, timeouts, limits });
    this.#connections.add(connection);
    this.#events.onConnect();
    this.onIdle(connection);
  }

  /** One attempt stands for one exchange: the one that has waited longest. */
  #unreachable(error: Error): void {
    this.#events.onConnectionError(error);
    this.#queue.shift()?.fail(error);
    if (this.#queue.length > 0) this.#open();
    this.#checkEmpty();
  }

  #checkEmpty(): void {
    if (this.empty) this.#events.onEmpty();
  }
}
