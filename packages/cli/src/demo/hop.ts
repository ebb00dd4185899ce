import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A hop that listens on a free port of this machine. */
export interface Hop {
  readonly origin: string;
  close(): Promise<void>;
}

/** Has a server listen. */
export async function startHop(server: Server): Promise<Hop> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
