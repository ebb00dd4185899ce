import { once } from "node:events";
import { createServer, type Socket } from "node:net";

import { Connections, Http1Connection, type Http2Connection, type InboundTimeouts } from "@trailsum/http/inbound";
import { listen, rawClient, type RawConnection } from "@trailsum/testkit";
import { expect, onTestFinished } from "vitest";

import { createForwarder } from "../../src/forwarder.ts";
import type { ExchangeRecord, ReverseProxyOptions } from "../../src/index.ts";

/** One connection with its client, and a clock that stands still but for `look`. */
export interface Served {
  readonly client: RawConnection;
  /** The proxy's end. */
  readonly socket: Socket;
  readonly records: ExchangeRecord[];
  /** Lets so many milliseconds pass, and has the connection look at the clock. Gives whether it is still open. */
  readonly look: (milliseconds: number) => boolean;
  /** Sends something, and waits until the proxy has it. */
  readonly send: (bytes: string | Buffer) => Promise<void>;
  /** Has the connection end as when the server stops. */
  readonly stop: () => void;
}

/** Serves one connection of HTTP/1.1, or of HTTP/2. */
export async function served(
  timeouts: InboundTimeouts,
  options: ReverseProxyOptions,
  Connection: typeof Http1Connection | typeof Http2Connection = Http1Connection,
): Promise<Served> {
  const records: ExchangeRecord[] = [];
  const forwarder = createForwarder({ ...options, onExchange: (record) => void records.push(record) });
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  const { port } = await listen(server);
  onTestFinished(() => forwarder.close());
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const client = await rawClient(port);
  const [socket] = await accepted;
  const connection = new Connection(socket, {
    handle: (exchange) => forwarder.forward(exchange),
    connections: new Connections(),
    limits: { maxHeaderSize: 16_384, maxFields: 1_000, maxTrailerSize: 16_384 },
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
    stop: () => connection.stop(),
    async send(bytes) {
      sent += bytes.length;
      await client.write(bytes);
      await expect.poll(() => socket.bytesRead, { interval: 1 }).toBe(sent);
      // What is read is handed on in the same turn.
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
