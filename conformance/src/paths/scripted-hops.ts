import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";

import type { Hop } from "./hop.ts";
import { listenOnLoopback } from "./loopback.ts";

/** Passes the content of `from` on to `to`, and ends it. */
type PassContent = (from: IncomingMessage, to: ReturnType<typeof request>, next: Passing) => Promise<void>;

interface Passing {
  /** Cuts the connections on both sides. */
  readonly cut: () => void;
}

/** Cuts chunks anew, at 1,000 bytes, and keeps trailers. */
export const reframingHop: Hop = scriptedHop("a hop that re-frames", async (from, to) => {
  for await (const chunk of from as AsyncIterable<Buffer>) {
    for (let at = 0; at < chunk.length; at += 1000) {
      if (!to.write(chunk.subarray(at, at + 1000))) await drained(to);
    }
  }
  to.addTrailers(pairs(from.rawTrailers));
  to.end();
});

/** Reads all of a request before it passes it on, with a length and without trailers. */
export const bufferingHop: Hop = scriptedHop("a hop that buffers", async (from, to) => {
  const chunks: Buffer[] = [];
  for await (const chunk of from as AsyncIterable<Buffer>) chunks.push(chunk);
  to.removeHeader("Transfer-Encoding");
  to.removeHeader("Trailer");
  to.end(Buffer.concat(chunks));
});

/** Streams, and cuts the connections when it finds trailers. */
export const killingHop: Hop = scriptedHop("a hop that kills at trailers", async (from, to, { cut }) => {
  for await (const chunk of from as AsyncIterable<Buffer>) if (!to.write(chunk)) await drained(to);
  if (from.rawTrailers.length > 0) cut();
  else to.end();
});

/** A hop in this process on node:http. It passes no interim response but 100. */
function scriptedHop(name: string, passContent: PassContent): Hop {
  return {
    name,
    version: async () => process.version,
    start(next) {
      return listenOnLoopback(createServer((incoming, response) => pass(incoming, response, next, passContent)));
    },
  };
}

function pass(incoming: IncomingMessage, response: ServerResponse, next: number, passContent: PassContent): void {
  const { method, url, rawHeaders } = incoming;
  const outgoing = request({ host: "127.0.0.1", port: next, method, path: url, agent: false });
  for (const [field, value] of pairs(rawHeaders)) {
    if (!/^(?:connection|expect)$/i.test(field)) outgoing.setHeader(field, value);
  }
  const cut = (): void => {
    outgoing.destroy();
    incoming.socket.destroy();
  };
  outgoing.on("response", (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders.filter(isNotOfConnection));
    answer.pipe(response);
  });
  outgoing.on("error", cut);
  response.on("close", () => outgoing.destroy());
  passContent(incoming, outgoing, { cut }).catch(cut);
}

/** Of names and values in turn: none of `Connection`, `Keep-Alive` and `Transfer-Encoding`, which node:http writes itself. */
function isNotOfConnection(_text: string, index: number, raw: readonly string[]): boolean {
  return !/^(?:connection|keep-alive|transfer-encoding)$/i.test(raw[index - (index % 2)]!);
}

function pairs(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, index) => [raw[index * 2]!, raw[index * 2 + 1]!]);
}

async function drained(to: ReturnType<typeof request>): Promise<void> {
  // The close of the connection ends the wait, as an error.
  await once(to, "drain");
}
