import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * A hop that sends responses on in chunks, as one that compresses them does, and fails after so many bytes of the content:
 * it resets the connection.
 */
export async function startCuttingHop(target: URL, after: number): Promise<{ origin: string; close(): Promise<void> }> {
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
          res.write(piece.subarray(0, rest), () => res.socket?.resetAndDestroy());
        }
      });
      response.on("end", () => res.end()).on("error", () => res.destroy());
    });
    outgoing.on("error", () => res.destroy()).end();
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
