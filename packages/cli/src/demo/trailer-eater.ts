import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream";

/** A proxy like many: it passes heads and bodies on, in both directions, and does not know that anything follows them. */
export async function startTrailerEater(target: URL): Promise<{ origin: string; close(): Promise<void> }> {
  const server = createServer((req, res) => {
    const { url: path, method, headers } = req;
    const outgoing = request(target, { path, method, headers, agent: false }, (response) => {
      const { trailer: _announced, ...fields } = response.headers;
      res.writeHead(response.statusCode ?? 502, fields);
      pipeline(response, res, () => {});
    });
    pipeline(req, outgoing, () => {});
    outgoing.on("error", () => res.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
