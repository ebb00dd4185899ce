import { request } from "node:http";
import { constants, createSecureServer, type ServerHttp2Stream } from "node:http2";
import { pipeline } from "node:stream";
import { buffer } from "node:stream/consumers";

import { TrailerAgent, upload, type UploadSource } from "@trailsum/client";
import { createMemoryStore, createUploadServer } from "@trailsum/server";
import { certificate, listen } from "@trailsum/testkit";
import { expect, onTestFinished, test } from "vitest";

import { fileOf, patterned } from "./support/content.ts";

/** What a hop does when trailers come: it passes the request on without them, or ends the connection. */
type AtTrailers = "drops" | "kills";

/** A hop that speaks HTTP/2 over TLS with clients, and HTTP/1.1 with the server, as most do. */
async function http2Hop(target: string, atTrailers: AtTrailers) {
  const { key, cert } = await certificate();
  const requests: string[] = [];
  const hop = createSecureServer({ key, cert });
  hop.on("stream", (stream: ServerHttp2Stream, fields, flags) => {
    const { ":method": method = "", ":path": path = "", ":authority": host, ...rest } = fields;
    requests.push(`${method} ${path.replace(/uploads\/.*/, "uploads/ID")}`);
    const headers = Object.entries(rest).filter(([name]) => !/^(?::|te$|trailer$)/.test(name));
    const out = request(`${target}${path}`, {
      method,
      headers: { host, ...Object.fromEntries(headers) },
      agent: false,
    });
    stream.on("error", () => out.destroy());
    out.on("error", () => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
    out.on("response", (answer) => {
      if (stream.destroyed) return;
      const { connection: _connection, "keep-alive": _time, "transfer-encoding": _coding, ...others } = answer.headers;
      stream.respond({ ...others, ":status": answer.statusCode! });
      pipeline(answer, stream, () => {});
    });
    stream.on("trailers", () => {
      if (atTrailers === "drops") return;
      out.destroy();
      stream.session?.destroy(undefined, constants.NGHTTP2_PROTOCOL_ERROR);
    });
    if ((flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0) out.end();
    else {
      stream.on("data", (piece: Buffer) => out.write(piece));
      stream.on("end", () => void (stream.aborted || out.destroyed || out.end()));
    }
  });
  const { port } = await listen(hop);
  const dispatcher = new TrailerAgent({ connect: { ca: cert } });
  onTestFinished(() => dispatcher.close());
  return { origin: `https://localhost:${port}`, requests, dispatcher };
}

const content = patterned(300_000);

function* pipe(): Generator<Uint8Array> {
  for (let at = 0; at < content.length; at += 50_000) yield content.subarray(at, at + 50_000);
}

const QUESTION = "OPTIONS /it";
const COMPLETED = ["PUT /it", "PATCH /.trailsum/uploads/ID"];

test.each<[string, AtTrailers, () => Promise<UploadSource> | UploadSource, string[], number]>([
  ["a pipe is delivered in two steps where trailers are dropped", "drops", pipe, [QUESTION, ...COMPLETED], 1],
  [
    "a pipe is delivered in two steps where they end the connection",
    "kills",
    pipe,
    [QUESTION, QUESTION, ...COMPLETED],
    1,
  ],
  ["a file that was kept is completed where trailers are dropped", "drops", () => fileOf(content), COMPLETED, 1],
  [
    "a file is sent again where they end the connection",
    "kills",
    () => fileOf(content),
    ["PUT /it", QUESTION, ...COMPLETED],
    2,
  ],
])("over HTTP/2, %s", async (_what, atTrailers, source, requests, attempts) => {
  const store = createMemoryStore();
  const server = createUploadServer({ store, listen: { port: 0 } });
  const { port } = await server.listen();
  onTestFinished(() => server.close({ graceMs: 0 }));
  const hop = await http2Hop(`http://127.0.0.1:${port}`, atTrailers);
  const result = await upload(`${hop.origin}/it`, await source(), { dispatcher: hop.dispatcher });
  expect(hop.requests).toEqual(requests);
  expect([result.delivery.mode, result.delivery.attempts]).toEqual(["two-step", attempts]);
  expect([result.confirmedBy, (await buffer((await store.open("it"))!.createReadStream())).equals(content)]).toEqual([
    "server",
    true,
  ]);
});
