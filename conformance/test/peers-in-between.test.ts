import { createHash } from "node:crypto";

import { TrailerAgent } from "@trailsum/client";
import { createProxyServer } from "@trailsum/proxy";
import { createMemoryStore, createUploadServer } from "@trailsum/server";
import { request } from "undici";
import { expect, onTestFinished, test } from "vitest";

import { type Combination, combinationId, HTTP1 } from "../src/combination.ts";
import { apache } from "../src/peers/apache.ts";
import { caddy } from "../src/peers/caddy.ts";
import { go } from "../src/peers/go.ts";
import { haproxy } from "../src/peers/haproxy.ts";
import { nghttpx } from "../src/peers/nghttpx.ts";
import { nginx } from "../src/peers/nginx.ts";
import type { Peer } from "../src/peers/peer.ts";
import { PeerProcess } from "../src/peers/run-peer.ts";

const HTTP2: Combination = { client: "2", origin: "2" };
/** What each speaks with the proxy before it, and with the server after it. */
const subjects: readonly (readonly [Peer, readonly Combination[]])[] = [
  [nginx, [HTTP1, { client: "2", origin: "1.1" }]],
  [haproxy, [HTTP1, HTTP2]],
  [apache, [HTTP1, HTTP2]],
  [caddy, [HTTP1, HTTP2]],
  [nghttpx, [HTTP1, HTTP2]],
  [go, [HTTP1]],
];
const rows = await Promise.all(
  subjects.map(async ([peer, combinations]) => {
    const present = (await peer.version()) !== undefined;
    const title = present ? peer.name : `${peer.name} (skipped: ${peer.install})`;
    return combinations.map((combination) => ({
      peer,
      title,
      present,
      combination,
      spoken: combinationId(combination),
    }));
  }),
);

const content = Buffer.alloc(100_000, "checksums travel at the end of the stream\n");
const digestOf = (bytes: Buffer): string => `sha-256=:${createHash("sha256").update(bytes).digest("base64")}:`;

/** An agent, this project's proxy, the peer, and this project's upload server, in this order. */
async function open({ peer, combination }: { readonly peer: Peer; readonly combination: Combination }) {
  const server = createUploadServer({ store: createMemoryStore(), listen: { port: 0 } });
  onTestFinished(() => server.close({ graceMs: 0 }));
  const between = await PeerProcess.start(peer, (await server.listen()).port, { timeout: 20, combination });
  onTestFinished(() => between.stop());
  const target = `http://127.0.0.1:${between.port}`;
  const useH2c = combination.client === "2";
  const proxy = createProxyServer({ target, listen: { port: 0 }, agent: { useH2c } });
  onTestFinished(() => proxy.close({ graceMs: 0 }));
  const { url } = await proxy.listen();
  const dispatcher = new TrailerAgent({ useH2c });
  onTestFinished(() => dispatcher.destroy());
  return { url, dispatcher };
}

test.for(rows.flat())(
  "$title is an origin of trailsum proxy and a client of trailsum serve ($spoken)",
  async (row, { skip }) => {
    skip(!row.present);
    const { url, dispatcher } = await open(row);
    const put = async (path: string, body: Buffer | AsyncIterable<Buffer>, digest: string): Promise<number> => {
      const answer = await request(`${url}/${path}`, {
        dispatcher,
        method: "PUT",
        headers: { "Repr-Digest": digest },
        body: body as Buffer,
      });
      await answer.body.dump();
      return answer.statusCode;
    };
    const pieces = async function* (): AsyncGenerator<Buffer> {
      for (let at = 0; at < content.length; at += 20_000) yield content.subarray(at, at + 20_000);
    };
    expect(await put("known", content, digestOf(content))).toBe(201);
    expect(await put("unknown", pieces(), digestOf(content))).toBe(201);
    expect(await put("wrong", content.subarray(1), digestOf(content))).toBe(400);
    const fetched = await Promise.all(
      Array.from({ length: 30 }, async (_, index) => {
        const answer = await request(`${url}/${["known", "unknown", "wrong"][index % 3]}`, { dispatcher });
        return [answer.statusCode, Buffer.from(await answer.body.arrayBuffer()).equals(content)];
      }),
    );
    const right = [200, true];
    expect(fetched).toEqual(fetched.map((_, index) => (index % 3 === 2 ? [404, false] : right)));
    const head = await request(`${url}/known`, { dispatcher, method: "HEAD" });
    expect([head.statusCode, head.headers["content-length"]]).toEqual([200, String(content.length)]);
  },
);
