import { connect, createServer } from "node:net";

import { listenOnLoopback, type Loopback } from "./loopback.ts";

/** What passes between the client and the first hop of a path, whatever it speaks. */
export interface FirstMile extends Loopback {
  /** How many bytes the client has sent. */
  readonly sent: number;
}

/** A relay of bytes that counts what the client sends. */
export async function startFirstMile(port: number): Promise<FirstMile> {
  let sent = 0;
  const loopback = await listenOnLoopback(
    createServer({ allowHalfOpen: true }, (client) => {
      const hop = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      client.on("data", (piece: Buffer) => (sent += piece.length));
      client.pipe(hop).pipe(client);
      client.on("error", () => hop.destroy()).on("close", () => hop.destroySoon());
      hop.on("error", () => client.destroy()).on("close", () => client.destroySoon());
    }),
  );
  return {
    ...loopback,
    get sent() {
      return sent;
    },
  };
}
