import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";

/** A server in this process, on 127.0.0.1. */
export interface Loopback {
  readonly port: number;
  /** Stops it, and cuts what is open. */
  stop(): Promise<void>;
}

/** Has a server listen on a free port. */
export async function listenOnLoopback(server: Server): Promise<Loopback> {
  const open = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      const closed = once(server, "close");
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
