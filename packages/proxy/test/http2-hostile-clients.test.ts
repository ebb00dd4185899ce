import { createServer } from "node:http";
import { text } from "node:stream/consumers";

import { hostileHttp2Clients, listen, type Listening, requestFields, startTrailsum } from "@trailsum/testkit";
import { onTestFinished } from "vitest";

import { createProxyServer } from "../src/index.ts";

hostileHttp2Clients("the proxy", {
  async listen() {
    const { origin, uploads, lines } = await watchedOrigin();
    const proxy = createProxyServer({ target: origin, listen: { port: 0 } });
    const { port } = await proxy.listen();
    onTestFinished(() => proxy.close());
    return { port, accepted: () => uploads, passedOn: () => lines.join("\n") };
  },

  async spawn() {
    const { origin } = await watchedOrigin();
    // What is held is to be measured, and not how long the collector takes its time with what is garbage already.
    const options = { nodeArgs: ["--max-semi-space-size=1"] };
    const { url, child } = await startTrailsum(["proxy", origin, "--port", "0"], options);
    return { port: Number(new URL(url).port), pid: child.pid! };
  },

  put: (name) => ({
    fields: requestFields("PUT", `/${encodeURIComponent(name)}`, [["trailer", "digest, x"]]),
    content: "not much",
    trailers: [["digest", "abc"]],
  }),
  get: requestFields("GET", "/large"),
});

/** An origin that answers GET with a lot, and takes everything else; it reports which arrived complete, and all fields that came. */
async function watchedOrigin(): Promise<Listening & { readonly uploads: string[]; readonly lines: string[] }> {
  const uploads: string[] = [];
  const lines: string[] = [];
  const large = Buffer.alloc(2 * 1024 * 1024);
  const server = createServer({ maxHeaderSize: 1024 * 1024 }, async (request, response) => {
    lines.push(`${request.method} ${request.url}`, ...request.rawHeaders);
    if (request.method === "GET") return void response.end(large);
    await text(request).catch(() => response.destroy());
    if (!request.complete) return;
    lines.push(...request.rawTrailers);
    uploads.push(decodeURIComponent(request.url!.slice(1)));
    response.end("thanks");
  });
  return { ...(await listen(server)), uploads, lines };
}
