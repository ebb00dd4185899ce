import { type Get, hostileHttp2Servers, startTrailsum } from "@trailsum/testkit";
import { Agent, request } from "undici";
import { expect, onTestFinished } from "vitest";

import { createProxyServer } from "../src/index.ts";

hostileHttp2Servers("the proxy", {
  // Before the head, its own answer; after it, a response that is aborted.
  failure: expect.objectContaining({
    message: expect.stringMatching(/^(?:the answer is 50[234]|terminated|other side closed)$/) as string,
  }) as unknown,

  async create(origin) {
    const agent = { useH2c: true, headersTimeout: 500, bodyTimeout: 500, pingTimeout: 500 };
    const proxy = createProxyServer({ target: origin, listen: { port: 0 }, agent });
    onTestFinished(() => proxy.close());
    const { url } = await proxy.listen();
    return getFrom(url);
  },

  async spawn(origin) {
    const options = { nodeArgs: ["--max-semi-space-size=1"] };
    const { url, child } = await startTrailsum(["proxy", origin, "--port", "0", "--origin-http2"], options);
    return { get: getFrom(url), pid: child.pid! };
  },
});

/** Asks by HTTP/1.1. */
function getFrom(url: string): Get {
  const dispatcher = new Agent();
  onTestFinished(() => dispatcher.close());
  return async (path) => {
    const { statusCode, headers, body, trailers } = await request(new URL(path, url), { dispatcher });
    const content = await body.text();
    if (statusCode > 299) throw new Error(`the answer is ${statusCode}`);
    return { content, fields: JSON.stringify([headers, trailers]) };
  };
}
