import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Duplex } from "node:stream";

import {
  asksForUpgrade,
  earlierAnswers,
  ignoreUpgrade,
  NodeExchange,
  NodeHttp2Exchange,
  upgradeExchange,
  whenContentKnown,
} from "@trailsum/http/inbound";

import { createForwarder } from "./forwarder.ts";
import type { ReverseProxyOptions } from "./reverse-proxy-options.ts";

/** A request as Node's servers give it: node:http, node:http2, and every framework that exposes its objects. */
export type MountedRequest = IncomingMessage | Http2ServerRequest;

/** A response as Node's servers give it. */
export type MountedResponse = ServerResponse | Http2ServerResponse;

/**
 * A request listener for node:http and node:http2, and for every framework that exposes Node's own request and response.
 * For a server of HTTP/2 it also serves the `connect` event, which an extended CONNECT for a WebSocket makes.
 */
export interface ReverseProxy {
  /** Forwards a request, and its response. Settles when that is done, and never rejects. */
  (req: MountedRequest, res: MountedResponse): Promise<void>;
  /** The same for a server's `checkContinue` event: the client gets its 100 when the origin gives it. */
  readonly checkContinue: (req: MountedRequest, res: MountedResponse) => Promise<void>;
  /**
   * For a server's `upgrade` event: asks the origin to open a WebSocket, and joins the two connections when it does. A
   * request that asks for another protocol is returned to the server, which serves it without the upgrade (RFC 9110
   * section 7.8).
   */
  readonly upgrade: (req: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>;
  /** Closes what the proxy has opened itself: idle connections to origins. */
  close(): Promise<void>;
}

/**
 * A reverse proxy that keeps trailers, in both directions, and completes nothing that was cut short.
 *
 * Forwarded messages are created from the parsed message, never copied verbatim. A hook that throws, and an origin that
 * cannot be reached or understood, go to `errorHandler`; once the response has begun they abort it.
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { createReverseProxy } from "@trailsum/proxy";
 *
 * const proxy = createReverseProxy({ target: "http://127.0.0.1:8080" });
 * createServer(proxy).on("checkContinue", proxy.checkContinue).on("upgrade", proxy.upgrade).listen(8081);
 * ```
 */
export function createReverseProxy(options: ReverseProxyOptions): ReverseProxy {
  const forwarder = createForwarder(options);

  // A router has cut the mount path off, and an upgrade comes by no router: both are cut here, from what was asked for.
  const original = options.mountPath !== undefined;

  async function pass(req: MountedRequest, res: MountedResponse, waits: boolean): Promise<void> {
    if ("stream" in req) {
      const whole = await isWhole(req);
      await forwarder.forward(new NodeHttp2Exchange(req, res as Http2ServerResponse, { waits, original, whole }));
      return;
    }
    // Of several requests sent at once each begins when it is its turn to be answered.
    if (res.socket === null) await new Promise((resolve) => res.once("socket", resolve));
    await forwarder.forward(new NodeExchange(req, res as ServerResponse, { waits, original }));
  }

  async function upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const ignoreError = (): void => {};
    socket.on("error", ignoreError);
    await earlierAnswers(socket);
    if (socket.destroyed) return;
    if (asksForUpgrade(req)) await forwarder.forward(upgradeExchange(req, { socket, head }, original));
    else {
      // The server looks after its connection again.
      socket.off("error", ignoreError);
      ignoreUpgrade(req, { socket, head });
    }
  }

  return Object.assign((req: MountedRequest, res: MountedResponse) => pass(req, res, false), {
    checkContinue: (req: MountedRequest, res: MountedResponse) => pass(req, res, true),
    upgrade,
    close: () => forwarder.close(),
  });
}

/** Whether the request has neither content nor trailers. */
function isWhole({ stream, headers, readableDidRead }: Http2ServerRequest): Promise<boolean> {
  // What has been read already cannot be looked at again, and is an error where there is content.
  const endStream = stream.endAfterHeaders;
  if (readableDidRead) return Promise.resolve(endStream);
  return new Promise((onKnown) => whenContentKnown(stream, headers, { endStream, onKnown }));
}
