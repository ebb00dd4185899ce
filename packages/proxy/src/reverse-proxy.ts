import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

import { createForwarder } from "./forwarder.ts";
import { ignoreUpgrade } from "./inbound/node/ignored-upgrade.ts";
import { asksForUpgrade, earlierAnswers, NodeExchange, upgradeExchange } from "./inbound/node/node-exchange.ts";
import type { ReverseProxyOptions } from "./reverse-proxy-options.ts";

/** A request listener for node:http and for every framework that hands on Node's own request and response. */
export interface ReverseProxy {
  /** Passes a request on, and its answer back. Settles when that is done, and never rejects. */
  (req: IncomingMessage, res: ServerResponse): Promise<void>;
  /** The same for a server's `checkContinue` event: the client gets its 100 when the origin gives it. */
  readonly checkContinue: (req: IncomingMessage, res: ServerResponse) => Promise<void>;
  /**
   * For a server's `upgrade` event: asks the origin to open a WebSocket, and joins the two connections when it does. A
   * request that asks for another protocol is given back to the server, which serves it as if it did not ask (RFC 9110
   * section 7.8).
   */
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

  const request = (req: IncomingMessage, res: ServerResponse): Promise<void> => pass(req, res, false);
  const checkContinue = (req: IncomingMessage, res: ServerResponse): Promise<void> => pass(req, res, true);
  async function upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on("error", () => {});
    await earlierAnswers(socket);
    if (socket.destroyed) return;
    if (asksForUpgrade(req)) await forwarder.forward(upgradeExchange(req, { socket, head }));
    else ignoreUpgrade(req, { socket, head });
  }

  return Object.assign(request, {
    checkContinue,
    upgrade,
    close: () => forwarder.close(),
  });
}
