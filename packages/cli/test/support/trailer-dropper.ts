import { createServer, request } from "node:http";
import { pipeline } from "node:stream";

import { listen } from "@trailsum/testkit";

/** A hop as most are: it passes requests on, and their trailers not. It collects a request first if `buffers`. */
export async function trailerDropper(
  target: string,
  { buffers = false } = {},
): Promise<{ origin: string; requests: string[] }> {
  const requests: string[] = [];
  const { origin } = await listen(
    createServer((req, res) => {
      const { method, url: path, headers } = req;
      requests.push(`${method} ${path!.replace(/uploads\/.*/, "uploads/ID")}`);
      const forward = (length?: number): ReturnType<typeof request> => {
        const { "transfer-encoding": _coding, trailer: _names, ...others } = headers;
        const sent = length === undefined ? headers : { ...others, "content-length": String(length) };
        const out = request(`${target}${path}`, { method: method!, headers: sent, agent: false }, (answer) => {
          const { trailer: _trailer, ...fields } = answer.headers;
          res.writeHead(answer.statusCode!, fields);
          pipeline(answer, res, () => {});
        });
        return out.on("error", () => res.destroy());
      };
      if (!buffers) return void pipeline(req, forward(), () => {});
      const pieces: Buffer[] = [];
      req.on("data", (piece: Buffer) => pieces.push(piece));
      req.on("end", () => forward(Buffer.concat(pieces).length).end(Buffer.concat(pieces)));
    }),
  );
  return { origin, requests };
}
