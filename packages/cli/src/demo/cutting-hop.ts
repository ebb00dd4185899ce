import { createServer, request } from "node:http";

import { type Hop, startHop } from "./hop.ts";

/** A reset overtakes what the next hop has not read: it is given so long. Milliseconds. */
const READ = 250;

/**
 * A hop that sends responses on in chunks, as one that compresses them does, and fails after so many bytes of the content:
 * it resets the connection.
 */
export async function startCuttingHop(target: URL, after: number): Promise<Hop> {
  const server = createServer((req, res) => {
    const outgoing = request(target, { path: req.url, method: req.method, agent: false }, (response) => {
      const { "content-length": _length, ...fields } = response.headers;
      res.writeHead(response.statusCode ?? 502, fields);
      let sent = 0;
      response.on("data", (piece: Buffer) => {
        const rest = after - sent;
        sent += piece.length;
        if (piece.length < rest) res.write(piece);
        else {
          response.destroy();
          res.write(piece.subarray(0, rest), () => setTimeout(() => res.socket?.resetAndDestroy(), READ));
        }
      });
      response.on("end", () => res.end()).on("error", () => res.destroy());
    });
    outgoing.on("error", () => res.destroy()).end();
  });
  return startHop(server);
}
