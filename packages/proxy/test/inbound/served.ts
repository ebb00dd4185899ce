import { once } from "node:events";
import { createServer, type Socket } from "node:net";

import { listen, type RawConnection, rawClient } from "@trailsum/testkit";
import { expect, onTestFinished } from "vitest";

import { Connections } from "../../src/connections.ts";
import { createForwarder } from "../../src/forwarder.ts";
import { Http1Connection, type InboundTimeouts } from "../../src/inbound/http1/http1-connection.ts";
import type { ExchangeRecord, ReverseProxyOptions } from "../../src/index.ts";
import { LIMITS } from "./reading.ts";

/** One connection of HTTP/1.1 with its client, and a clock that stands still but for `look`. */
export interface Served {
  readonly client: RawConnection;
  /** The proxy's end. */
  readonly socket: Socket;
  readonly records: ExchangeRecord[];
  /** Lets so many milliseconds pass, and has the connection look at the clock. Gives whether it is still open. */
  readonly look: (milliseconds: number) => boolean;
  /** Sends something, and waits until the proxy has it. */
  readonly send: (text: string) => Promise<void>;
}

/** Serves one connection of HTTP/1.1. */
export async function served(timeouts: InboundTimeouts, options: ReverseProxyOptions): Promise<Served> {
  const records: ExchangeRecord[] = [];
  const forwarder = createForwarder({ ...options, onExchange: (record) => void records.push(record) });
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  const { port } = await listen(server);
  onTestFinished(() => forwarder.close());
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const client = await rawClient(port);
  const [socket] = await accepted;
  const connection = new Http1Connection(socket, {
    forward: (exchange) => forwarder.forward(exchange),
    connections: new Connections(),
    limits: LIMITS,
    timeouts,
    protocol: "http",
  });
  let now = performance.now();
  let sent = 0;
  return {
    client,
    socket,
    records,
    look(milliseconds) {
      now += milliseconds;
      connection.check(now);
      return !socket.destroyed;
    },
    async send(text) {
      sent += text.length;
      await client.write(text);
      await expect.poll(() => socket.bytesRead, { interval: 1 }).toBe(sent);
      // What is read is handed on in the same turn.
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
