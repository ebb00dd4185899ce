import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

import { createForwarder } from "./forwarder.ts";
import { earlierAnswers, NodeExchange, upgradeExchange } from "./inbound/node/node-exchange.ts";
import type { ReverseProxyOptions } from "./reverse-proxy-options.ts";

/** A request listener for node:http and for every framework that hands on Node's own request and response. */
export interface ReverseProxy {
  /** Passes a request on, and its answer back. Settles when that is done, and never rejects. */
  (req: IncomingMessage, res: ServerResponse): Promise<void>;
  /** The same for a server's `checkContinue` event: the client gets its 100 when the origin gives it. */
  readonly checkContinue: (req: IncomingMessage, res: ServerResponse) => Promise<void>;
  /** For a server's `upgrade` event: asks the origin to switch protocols, and joins the two connections when it does. */
  readonly upgrade: (req: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>;
  /** Closes what the proxy has opened itself: idle connections to origins. */
  close(): Promise<void>;
}

/**
 * A reverse proxy that keeps trailers, in both directions, and completes nothing that was cut short.
 *
 * What goes on is made anew from what was understood, never copied as it came. A hook that throws, and an origin that
 * cannot be reached or understood, go to `errorHandler`; once the response has begun they break it off.
 */
export function createReverseProxy(options: ReverseProxyOptions): ReverseProxy {
  const forwarder = createForwarder(options);

  async function pass(req: IncomingMessage, res: ServerResponse, waits: boolean): Promise<void> {
    // Of several requests sent at once each begins when it is its turn to be answered.
    if (res.socket === null) await new Promise((resolve) => res.once("socket", resolve));
    await forwarder.forward(new NodeExchange(req, res, { waits }));
  }

  async function passUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on("error", () => {});
    await earlierAnswers(socket);
    if (!socket.destroyed) await forwarder.forward(upgradeExchange(req, { socket, head }));
  }

  return Object.assign((req: IncomingMessage, res: ServerResponse) => pass(req, res, false), {
    checkContinue: (req: IncomingMessage, res: ServerResponse) => pass(req, res, true),
    upgrade: passUpgrade,
    close: () => forwarder.close(),
  });
}
