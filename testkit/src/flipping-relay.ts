import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { onTestFinished } from "vitest";

/**
 * A relay to a port of this machine that flips one bit of what the clients send: of the first byte of every `marker` that
 * comes in one piece. Resolves with its port; it is closed when the test ends.
 */
export async function flippingRelay(port: number, marker: string): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const origin = connect(port, "127.0.0.1");
    for (const socket of [client, origin]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        origin.destroy();
      });
    }
    client.on("data", (bytes: Buffer) => {
      const at = bytes.indexOf(marker);
      // oxlint-disable-next-line no-bitwise -- a bit is flipped
      if (at !== -1) bytes[at]! ^= 1;
      origin.write(bytes);
    });
    origin.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}
