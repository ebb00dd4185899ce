import type { Socket } from "node:net";

import type { Connection, ConnectionOwner, ConnectionTimeouts, ResponseLimits } from "./connection.ts";
import { type ConnectOptions, type Connector, createConnector, type Protocol } from "./connector.ts";
import { Http1Connection } from "./http1/connection.ts";
import type { Http2Connection } from "./http2/connection.ts";
import type { Http2Options } from "./http2/options.ts";

/** How connections are made, and what they keep to. */
export interface ConnectionFactoryOptions {
  readonly connect: ConnectOptions;
  /** The HTTP proxy to tunnel through. */
  readonly proxy?: URL | undefined;
  readonly timeouts: ConnectionTimeouts;
  readonly limits: ResponseLimits;
  readonly http2: Http2Options;
}

/** The callbacks of an attempt. Exactly one is called, asynchronously, unless the attempt is abandoned. */
export interface ConnectionCallbacks {
  onConnect(connection: Connection, protocol: Protocol): void;
  onError(error: Error): void;
}

/** Makes the connections to one origin, in the protocol that is negotiated. */
export class ConnectionFactory {
  /** What may be spoken to the origin, in the order of preference. */
  readonly protocols: readonly Protocol[];
  readonly #url: URL;
  readonly #options: ConnectionFactoryOptions;
  readonly #owner: ConnectionOwner;
  readonly #connector: Connector;

  constructor(url: URL, options: ConnectionFactoryOptions, owner: ConnectionOwner) {
    this.#url = url;
    this.#options = options;
    this.#owner = owner;
    this.#connector = createConnector(url, options.connect, options.proxy);
    this.protocols = protocolsFor(url, options.http2);
  }

  /** Connects, and offers these protocols. Returns a function that abandons the attempt. */
  connect(offered: readonly Protocol[], callbacks: ConnectionCallbacks): () => void {
    const connect = (): (() => void) =>
      this.#connector.connect(offered, {
        onConnect: (socket, protocol) => callbacks.onConnect(this.#connection(socket, protocol), protocol),
        onError: (error) => callbacks.onError(error),
      });
    if (!offered.includes("h2") || http2Connection !== undefined) return connect();
    let abandoned = false;
    let abandon = (): void => {
      abandoned = true;
    };
    loadHttp2().then(
      () => {
        if (!abandoned) abandon = connect();
      },
      (error: Error) => {
        if (!abandoned) callbacks.onError(error);
      },
    );
    return () => abandon();
  }

  #connection(socket: Socket, protocol: Protocol): Connection {
    const { timeouts, limits, http2 } = this.#options;
    const owner = this.#owner;
    const url = this.#url;
    return protocol === "h2"
      ? new http2Connection!(socket, { owner, url, timeouts, limits, http2 })
      : new Http1Connection(socket, { owner, authority: url.host, timeouts, limits });
  }
}

/** HTTP/2 is a large part of this package, and most `http:` origins never need it: it is loaded before the first connection that may. */
let http2Connection: typeof Http2Connection | undefined;

async function loadHttp2(): Promise<void> {
  ({ Http2Connection: http2Connection } = await import("./http2/connection.ts"));
}

function protocolsFor({ protocol }: URL, { negotiated, priorKnowledge }: Http2Options): readonly Protocol[] {
  if (protocol === "http:") return priorKnowledge ? ["h2"] : ["http/1.1"];
  return negotiated ? ["h2", "http/1.1"] : ["http/1.1"];
}
