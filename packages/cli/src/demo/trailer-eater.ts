import { createServer, request } from "node:http";
import { pipeline } from "node:stream";

import { type Hop, startHop } from "./hop.ts";

/** A proxy like many: it passes heads and bodies on, in both directions, and does not know that anything follows them. */
export async function startTrailerEater(target: URL): Promise<Hop> {
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
  return startHop(server);
}
