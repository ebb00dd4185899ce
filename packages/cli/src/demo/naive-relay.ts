import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import fastProxy from "fast-proxy";

/** A proxy from npm, as it is. Where the response of a server ends early, it writes the error into the content, and completes it. */
export async function startNaiveRelay(target: string): Promise<{ origin: string; close(): Promise<void> }> {
  const relay = fastProxy({ base: target });
  const server = createServer((request, response) => relay.proxy(request, response, request.url ?? "/", {}));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      relay.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
