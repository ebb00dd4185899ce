import { type Dispatcher, interceptors, request, RetryAgent } from "undici";
import { httpServer, seen } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { agents, failure } from "./side-by-side.ts";

const soon = { minTimeout: 5, maxTimeout: 20 };
const content = "0123456789".repeat(1_000);

describe.each(agents)("%s, with retries,", (_name, agent) => {
  const retrying = (options = {}): Dispatcher => agent().compose(interceptors.retry({ ...soon, ...options }));

  test("gets on the third attempt what failed twice", async () => {
    let attempts = 0;
    const server = await httpServer((incoming, response) => {
      attempts += 1;
      if (attempts < 3) incoming.socket.destroy();
      else response.end("at last");
    });
    expect(await (await request(server.url, { dispatcher: retrying() })).body.text()).toBe("at last");
    expect(attempts).toBe(3);
  });

  test("waits as long as a 503 says, and no longer", async () => {
    let attempts = 0;
    const server = await httpServer((_request, response) => {
      attempts += 1;
      if (attempts === 1) response.writeHead(503, { "retry-after": "0" }).end("busy");
      else response.end("at last");
    });
    const dispatcher = retrying({ minTimeout: 60_000, maxTimeout: 60_000 });
    expect(await (await request(server.url, { dispatcher })).body.text()).toBe("at last");
    expect(attempts).toBe(2);
  });

  test("sends a Buffer again, whole", async () => {
    const bodies: string[] = [];
    const server = await httpServer(async (incoming, response) => {
      bodies.push((await seen(incoming)).body);
      response.writeHead(bodies.length < 3 ? 503 : 201).end("stored");
    });
    const sent = await request(server.url, { dispatcher: retrying(), method: "PUT", body: Buffer.from("content") });
    expect([sent.statusCode, await sent.body.text()]).toEqual([201, "stored"]);
    expect(bodies).toEqual(["content", "content", "content"]);
  });

  /** A server that breaks each response off after some bytes, and honours ranges; `answer` may take its place. */
  const breaking = (
    ranges: (string | undefined)[],
    answer?: (attempt: number) => number | undefined,
  ): ReturnType<typeof httpServer> =>
    httpServer((incoming, response) => {
      const { range } = incoming.headers;
      ranges.push(range);
      const status = answer?.(ranges.length);
      if (status !== undefined) {
        response.writeHead(status).end();
        return;
      }
      const start = Number(/^bytes=(\d+)-/.exec(range ?? "")?.[1] ?? 0);
      response.writeHead(range === undefined ? 200 : 206, {
        etag: '"strong"',
        "content-length": content.length - start,
        ...(range === undefined ? {} : { "content-range": `bytes ${start}-${content.length - 1}/${content.length}` }),
      });
      response.write(content.slice(start, start + 4_000), () => {
        if (start + 4_000 >= content.length) response.end();
        else setTimeout(() => incoming.socket.destroy(), 20);
      });
    });

  test("takes a response that was cut short up where it was, by ranges", async () => {
    const ranges: (string | undefined)[] = [];
    const server = await breaking(ranges);
    const { body } = await request(server.url, { dispatcher: retrying() });
    expect(await body.text()).toBe(content);
    expect(ranges).toEqual([undefined, "bytes=4000-9999", "bytes=8000-9999"]);
  });

  test("does so also when a 503 comes between", async () => {
    const ranges: (string | undefined)[] = [];
    const server = await breaking(ranges, (attempt) => (attempt === 2 ? 503 : undefined));
    const { body } = await request(server.url, { dispatcher: retrying() });
    expect(await body.text()).toBe(content);
    expect(ranges.length).toBe(4);
  });

  test("gives up when the range is not honoured", async () => {
    const ranges: (string | undefined)[] = [];
    const server = await breaking(ranges, (attempt) => (attempt === 2 ? 200 : undefined));
    const { body } = await request(server.url, { dispatcher: retrying() });
    expect(await failure(body.text())).toBe("UND_ERR_REQ_RETRY");
    expect(ranges.length).toBe(2);
  });

  test("gives up after as many attempts as it may have", async () => {
    let attempts = 0;
    const server = await httpServer((_request, response) => {
      attempts += 1;
      response.writeHead(503).end();
    });
    const dispatcher = retrying({ maxRetries: 2 });
    expect(await failure(request(server.url, { dispatcher }))).toBe("UND_ERR_REQ_RETRY");
    expect(attempts).toBe(3);
  });

  test("stops when the signal aborts, between attempts as well", async () => {
    let attempts = 0;
    const server = await httpServer((incoming) => {
      attempts += 1;
      incoming.socket.destroy();
    });
    const controller = new AbortController();
    const dispatcher = retrying({ minTimeout: 60_000, maxTimeout: 60_000 });
    const answer = failure(request(server.url, { dispatcher, signal: controller.signal }));
    await expect.poll(() => attempts).toBe(1);
    await expect.poll(() => server.connections()).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const reason = new Error("changed my mind");
    controller.abort(reason);
    expect(await answer).toBe(reason);
  });

  test("does the same inside a RetryAgent", async () => {
    let attempts = 0;
    const server = await httpServer((incoming, response) => {
      attempts += 1;
      if (attempts < 3) incoming.socket.destroy();
      else response.end("at last");
    });
    const dispatcher = new RetryAgent(agent(), soon);
    expect(await (await request(server.url, { dispatcher })).body.text()).toBe("at last");
    await dispatcher.close();
    await expect.poll(() => server.connections()).toBe(0);
  });
});
