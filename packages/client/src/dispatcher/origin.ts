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
  /** It was busy and is no more. */
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
  #destroyedBy: Error | undefined;
  #needsDrain = false;
  #opens = false;

  constructor(url: URL, options: OriginOptions, events: OriginEvents) {
    this.url = url;
    this.#options = options;
    this.#events = events;
    this.#connector = createConnector(url, options.connect);
    this.#authority = url.host;
  }

  /** Whether one more exchange would have to wait until another has ended. */
  get busy(): boolean {
    const free = this.#options.connections - this.#total;
    return this.#idle.length === 0 && this.#queue.length - this.#connecting.size >= free;
  }

  /** Whether it holds nothing. */
  get empty(): boolean {
    return this.#queue.length === 0 && this.#total === 0;
  }

  /** Sends an exchange on its way, at once or when there is a connection. False when it is busy then. */
  dispatch(exchange: Exchange): boolean {
    exchange.carrier = this;
    this.#queue.push(exchange);
    exchange.begin();
    this.#advance();
    this.#needsDrain ||= this.busy;
    return !this.#needsDrain;
  }

  /** Lets what runs and waits come to its end, and closes what is idle. */
  close(): void {
    this.#closing = true;
    for (const connection of this.#idle.splice(0)) connection.destroy();
    this.#settle();
  }

  /** Fails everything with this error. */
  destroy(error: Error): void {
    this.#closing = true;
    this.#destroyedBy = error;
    for (const exchange of this.#queue.splice(0)) exchange.fail(error);
    for (const connection of this.#connections) connection.destroy(error);
    this.#settle();
  }

  // While an exchange waits here, nothing of a response can arrive: there is nothing to pause.

  pause(): void {}

  resume(): void {}

  drop(exchange: Exchange): void {
    const at = this.#queue.indexOf(exchange);
    if (at === -1) return;
    this.#queue.splice(at, 1);
    this.#stopOpening(this.#queue.length);
    this.#settle();
  }

  onIdle(connection: Http1Connection): void {
    this.#idle.push(connection);
    this.#advance();
    if (this.#closing) for (const idle of this.#idle.splice(0)) idle.destroy();
    this.#settle();
  }

  onClosed(connection: Http1Connection, error: Error | undefined): void {
    this.#connections.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at !== -1) this.#idle.splice(at, 1);
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
    this.#advance();
  }

  /** Gives those that wait a connection each: an idle one, or else a new one, as far as more are allowed. */
  #advance(): void {
    while (this.#queue.length > 0 && this.#idle.length > 0) {
      const connection = this.#idle.pop()!;
      if (connection.usable) connection.run(this.#queue.shift()!);
    }
    if (this.#queue.length === 0 || this.#opens) return;
    this.#opens = true;
    // Not at once: whoever answers the end of a response with the next request gets the connection that is falling idle.
    queueMicrotask(() => {
      this.#opens = false;
      while (this.#connecting.size < this.#queue.length && this.#total < this.#options.connections) this.#open();
    });
  }

  get #total(): number {
    return this.#connections.size + this.#connecting.size;
  }

  #open(): void {
    const giveUp = this.#connector.connect({
      onConnect: (socket) => {
        this.#connecting.delete(giveUp);
        this.#connected(socket);
      },
      onError: (error) => {
        this.#connecting.delete(giveUp);
        this.#unreachable(error);
      },
    });
    this.#connecting.add(giveUp);
  }

  /** Gives attempts up that nobody waits for, the latest first. */
  #stopOpening(needed: number): void {
    for (const giveUp of [...this.#connecting].slice(needed)) {
      this.#connecting.delete(giveUp);
      giveUp();
    }
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
    this.#advance();
    this.#settle();
  }

  /** What there is to tell and to tidy after something has ended. */
  #settle(): void {
    // A host that does not answer must not hold `close`.
    if (this.#closing) this.#stopOpening(this.#queue.length);
    if (this.#needsDrain && !this.busy) {
      this.#needsDrain = false;
      queueMicrotask(() => this.#events.onDrain());
    }
    if (this.empty) this.#events.onEmpty();
  }
}
