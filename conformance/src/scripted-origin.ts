import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

import { Wire } from "./wire.ts";

/** A request of a case has arrived, or bytes that look like one. */
export interface Arrival {
  readonly wire: Wire;
  /** How many requests came over this connection before. */
  readonly index: number;
  /** Gives the connection back: the next request on it may belong to another case. */
  release(): void;
}

/** The origin behind the proxy. Every request names its case, and is played by that case's script. */
export interface ScriptedOrigin {
  readonly port: number;
  /** Hands the requests of case `id` to `arrive`, until the returned function is called. */
  register(id: string, arrive: (arrival: Arrival) => void): () => void;
  close(): Promise<void>;
}

/** Starts an origin on 127.0.0.1; port 0 picks a free one. */
export async function startOrigin(port = 0): Promise<ScriptedOrigin> {
  const cases = new Map<string, (arrival: Arrival) => void>();
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    void serve(new Wire(socket), cases);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    register(id, arrive) {
      cases.set(id, arrive);
      return () => cases.delete(id);
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

const FOREVER = { timeout: 2 ** 31 - 1, signal: new AbortController().signal };

async function serve(wire: Wire, cases: ReadonlyMap<string, (arrival: Arrival) => void>): Promise<void> {
  for (let index = 0; ; index += 1) {
    const head = await wire.until(() => headOf(wire), { what: "a head", ...FOREVER });
    const arrive = cases.get(/x-case:[ \t]*([\w./-]+)/i.exec(head)?.[1] ?? "");
    if (arrive === undefined) {
      wire.socket.destroy();
      return;
    }
    await new Promise<void>((resolve) => arrive({ wire, index, release: resolve }));
    if (wire.socket.destroyed || wire.socket.writableEnded) return;
  }
}

/** What stands before the first empty line, however lines end; all there is when no more comes. */
function headOf(wire: Wire): string | undefined {
  const text = wire.unread.toString("latin1");
  const end = /\r?\n\r?\n/.exec(text);
  if (end !== null) return text.slice(0, end.index);
  return wire.ended ? text : undefined;
}
