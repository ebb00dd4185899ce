import { createServer } from "node:http";

import fastProxy from "fast-proxy";

import { type Hop, startHop } from "./hop.ts";

/** A proxy from npm, as it is. Where the response of a server ends early, it writes the error into the content, and completes it. */
export async function startNaiveRelay(target: string): Promise<Hop> {
  const relay = fastProxy({ base: target });
  const server = createServer((request, response) => relay.proxy(request, response, request.url ?? "/", {}));
  const hop = await startHop(server);
  return {
    origin: hop.origin,
    close() {
      relay.close();
      return hop.close();
    },
  };
}
