import { connect as connectTcp, isIP, type Socket } from "node:net";
import type { ConnectionOptions } from "node:tls";

import { connectTls } from "./connect-tls.ts";

/** Code of the error of a tunnel that could not be made: what Node's own agents call it. */
export const TUNNEL_FAILED = "ERR_PROXY_TUNNEL";

/** The longest head of a response to CONNECT. Bytes. */
const MAX_HEAD = 16_384;

/** Receives the outcome. Exactly one of these is called, later, unless the attempt is given up. */
export interface TunnelCallbacks {
  /** The socket is paused, and nothing has arrived through the tunnel yet. */
  onTunnel(socket: Socket): void;
  onError(error: Error): void;
}

/**
 * Opens a tunnel to `authority` through an HTTP proxy (CONNECT, RFC 9110 section 9.3.6). Bytes pass through it unchanged,
 * trailers included. `user:password@` in the URL of the proxy is sent as Basic credentials. `tls` holds for an `https:`
 * proxy. Returns a function that gives up.
 */
export function openTunnel(
  proxy: URL,
  authority: string,
  tls: ConnectionOptions,
  waiting: TunnelCallbacks,
): () => void {
  const secure = proxy.protocol === "https:";
  const host = proxy.hostname.replace(/^\[|\]$/g, "");
  const port = Number(proxy.port || (secure ? 443 : 80));
  const address = { host, port, allowHalfOpen: true, noDelay: true, keepAlive: true };
  const socket: Socket = secure
    ? connectTls({ ...tls, ...address, servername: isIP(host) === 0 ? host : "", ALPNProtocols: ["http/1.1"] })
    : connectTcp(address);
  let head = Buffer.alloc(0);

  const settle = (): void => {
    socket.off("error", failed).off("end", ended).off("close", ended).off("data", read);
  };
  const fail = (reason: string, cause?: Error): void => {
    settle();
    socket.on("error", () => {}).destroy();
    waiting.onError(Object.assign(new Error(`the proxy ${proxy.host} ${reason}`, { cause }), { code: TUNNEL_FAILED }));
  };
  const failed = (error: Error): void => fail(`cannot be used: ${errorText(error)}`, error);
  const ended = (): void => fail("closed the connection without a response to CONNECT");
  const read = (piece: Buffer): void => {
    head = Buffer.concat([head, piece]);
    const end = head.indexOf("\r\n\r\n");
    if (end === -1) {
      if (head.length > MAX_HEAD) fail("sent a response to CONNECT that is too long");
      return;
    }
    const [, status = "", reason = ""] =
      /^HTTP\/1\.[01] (\d{3})(?: ([\t\x20-\x7e]*))?\r\n/.exec(head.toString("latin1")) ?? [];
    if (status === "") fail("sent an invalid response to CONNECT");
    else if (status.startsWith("1")) {
      const rest = head.subarray(end + 4);
      head = Buffer.alloc(0);
      if (rest.length > 0) read(rest);
    } else if (!status.startsWith("2")) fail(`refused a tunnel to ${authority}: ${status} ${reason}`.trimEnd());
    // Servers of HTTP and TLS wait for the client: these bytes are not theirs.
    else if (head.length > end + 4) fail("sent content with its response to CONNECT");
    else {
      settle();
      socket.pause();
      waiting.onTunnel(socket);
    }
  };
  socket
    .on("error", failed)
    .on("end", ended)
    .on("close", ended)
    .on("data", read)
    .once(secure ? "secureConnect" : "connect", () => socket.write(connectRequest(proxy, authority)));
  return () => {
    settle();
    socket.on("error", () => {}).destroy();
  };
}

function connectRequest({ username, password }: URL, authority: string): string {
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`];
  if (username !== "" || password !== "") {
    const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    lines.push(`Proxy-Authorization: Basic ${Buffer.from(credentials).toString("base64")}`);
  }
  return `${lines.join("\r\n")}\r\n\r\n`;
}

function errorText(error: Error): string {
  // Several addresses were tried: the message of the whole is empty.
  const [first] = error instanceof AggregateError ? (error.errors as Error[]) : [error];
  return (first ?? error).message;
}
