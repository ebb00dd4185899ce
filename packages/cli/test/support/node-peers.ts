import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";

import { listen } from "@trailsum/testkit";

import { content, md5 } from "./content.ts";
import type { Answer, Seen, ServerPeer } from "./peers.ts";
import { type TrailerCase, trailersOf } from "./trailer-case.ts";

/** Uploads `content` with Node's own client, and trailers as the case says. */
export async function sendWithNode(url: string, reported: TrailerCase): Promise<Answer> {
  const announcing = reported.announced ? { Trailer: "Md5, Size" } : {};
  const req = request(url, { method: "POST", headers: { "Transfer-Encoding": "chunked", ...announcing } });
  const answered = new Promise<IncomingMessage>((resolve, reject) => req.on("response", resolve).on("error", reject));
  req.write(content);
  req.addTrailers(trailersOf(reported, md5(content), content.length));
  req.end();
  const res = await answered;
  return { status: res.statusCode ?? 0, body: await text(res) };
}

/** A server on Node's own http that checks uploads and gives `content` away. */
export async function serveWithNode(): Promise<ServerPeer> {
  const seen: Seen[] = [];
  const server = createServer((req, res) => {
    if (req.method === "GET") return give(req, res);
    return void check(req, res, seen);
  });
  const { origin } = await listen(server);
  return { origin, seen: async () => seen };
}

function give(req: IncomingMessage, res: ServerResponse): void {
  const { searchParams } = new URL(req.url ?? "/", "http://here");
  const reported = {
    md5: searchParams.get("md5"),
    size: searchParams.get("size"),
    announced: searchParams.get("announced") === "true",
  } as TrailerCase;
  res.writeHead(200, reported.announced ? { Trailer: "Md5, Size" } : {});
  // In two pieces, so that it is chunked.
  res.write(content.subarray(0, 10));
  res.write(content.subarray(10));
  res.addTrailers(trailersOf(reported, md5(content), content.length));
  res.end();
}

async function check(req: IncomingMessage, res: ServerResponse, seen: Seen[]): Promise<void> {
  const hash = createHash("md5");
  let size = 0;
  try {
    for await (const chunk of req) {
      hash.update(chunk as Buffer);
      size += (chunk as Buffer).length;
    }
  } catch {
    return void res.destroy();
  }
  const digest = hash.digest("hex");
  seen.push({
    method: req.method ?? "",
    path: req.url ?? "",
    protocol: `HTTP/${req.httpVersion}`,
    announced: (req.headers.trailer ?? "").split(", ").toSorted(),
    trailers: {
      Md5: req.trailers["md5"] ?? "",
      Size: req.trailers["size"] ?? "",
      "Content-Digest": req.trailers["content-digest"] ?? "",
    },
    size,
    digest,
  });
  if (req.trailers["md5"] === digest && req.trailers["size"] === String(size)) return void res.end("checked\n");
  // As the article's server does it: it gives up, and the connection with it.
  if (req.url?.startsWith("/panics") === true) return void res.destroy();
  res.statusCode = 400;
  res.end("body md5 not equal\n");
}
