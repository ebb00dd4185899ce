import { gzipSync } from "node:zlib";

import { cacheStores, interceptors, request } from "undici";
import { echoServer, httpServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { agents, echoed, failure } from "./side-by-side.ts";

describe.each(agents)("%s, with undici's interceptors:", (_name, agent) => {
  test("dns connects to the address that a name has, and names it in Host", async () => {
    const server = await echoServer();
    const asked: string[] = [];
    const dns = interceptors.dns({
      dualStack: false,
      lookup(origin, _options, done) {
        asked.push(origin.hostname);
        done(null, [{ address: "127.0.0.1", family: 4, ttl: 10_000 }]);
      },
    });
    const dispatcher = agent().compose(dns);
    for (let turn = 0; turn < 2; turn++) {
      const got = await echoed(await request(`http://example.test:${server.port}`, { dispatcher }));
      expect(got.headers["host"]).toBe(`example.test:${server.port}`);
    }
    expect(asked).toEqual(["example.test"]);
  });

  test("cache answers the second time on its own", async () => {
    let requests = 0;
    const server = await httpServer((_request, response) => {
      requests += 1;
      response.setHeader("cache-control", "max-age=60").end(`answer ${requests}`);
    });
    const store = new cacheStores.MemoryCacheStore();
    const dispatcher = agent().compose(interceptors.cache({ store }));
    const texts: string[] = [];
    for (let turn = 0; turn < 3; turn++) {
      texts.push(await (await request(server.url, { dispatcher })).body.text());
    }
    expect(texts).toEqual(["answer 1", "answer 1", "answer 1"]);
  });

  test("cache asks whether what it has still holds", async () => {
    const asked: unknown[] = [];
    const server = await httpServer((incoming, response) => {
      asked.push(incoming.headers["if-none-match"]);
      response.setHeader("cache-control", "max-age=60, no-cache").setHeader("etag", '"one"');
      if (incoming.headers["if-none-match"] === '"one"') response.writeHead(304).end();
      else response.end("answer");
    });
    const dispatcher = agent().compose(interceptors.cache({ store: new cacheStores.MemoryCacheStore() }));
    for (let turn = 0; turn < 2; turn++) {
      expect(await (await request(server.url, { dispatcher })).body.text()).toBe("answer");
    }
    expect(asked).toEqual([undefined, '"one"']);
  });

  test("dump reads a body for no one, and refuses a large one", async () => {
    const server = await httpServer(
      (incoming, response) => void response.end(Buffer.alloc(Number(incoming.url!.slice(1)))),
    );
    const dispatcher = agent({ connections: 1 }).compose(interceptors.dump({ maxSize: 1_000 }));
    const small = await request(`${server.origin}/1000`, { dispatcher });
    expect(await small.body.text()).toBe("");
    expect(server.connections()).toBe(1);
    expect(await failure(request(`${server.origin}/1001`, { dispatcher }))).toBe("UND_ERR_ABORTED");
    await expect.poll(() => server.connections()).toBe(0);
  });

  test("decompress undoes a content coding, also of more than buffers hold", async () => {
    const content = Buffer.alloc(4 << 20, "content ");
    const server = await httpServer((_request, response) => {
      response.setHeader("content-encoding", "gzip").end(gzipSync(content));
    });
    const dispatcher = agent().compose(interceptors.decompress());
    const { headers, body } = await request(server.url, { dispatcher });
    expect(headers).not.toHaveProperty("content-encoding");
    expect(content.equals(await body.bytes())).toBe(true);
  });

  test("responseError turns a status into an error, with the body", async () => {
    const server = await httpServer((_request, response) => {
      response.writeHead(422, { "content-type": "application/json" }).end('{"why":"so"}');
    });
    const dispatcher = agent({ connections: 1 }).compose(interceptors.responseError());
    const answer = request(server.url, { dispatcher });
    await expect(answer).rejects.toThrow(
      expect.objectContaining({ code: "UND_ERR_RESPONSE", statusCode: 422, body: { why: "so" } }),
    );
    expect(server.connections()).toBe(1);
  });

  test("deduplicate sends one request for several", async () => {
    let requests = 0;
    const server = await httpServer((_request, response) => {
      requests += 1;
      setTimeout(() => response.end("answer"), 50);
    });
    const dispatcher = agent().compose(interceptors.deduplicate());
    const texts = await Promise.all(
      Array.from({ length: 5 }, async () => (await request(server.url, { dispatcher })).body.text()),
    );
    expect([requests, ...texts]).toEqual([1, ...Array<string>(5).fill("answer")]);
  });

  test("all of them at once", async () => {
    let requests = 0;
    const server = await httpServer((incoming, response) => {
      requests += 1;
      if (incoming.url === "/" && requests < 2) incoming.socket.destroy();
      else if (incoming.url === "/") response.writeHead(302, { location: "/there" }).end();
      else response.setHeader("content-encoding", "gzip").end(gzipSync("answer"));
    });
    const dispatcher = agent().compose(
      interceptors.decompress(),
      interceptors.responseError(),
      interceptors.retry({ minTimeout: 5 }),
      interceptors.redirect({ maxRedirections: 2 }),
      interceptors.cache({ store: new cacheStores.MemoryCacheStore() }),
    );
    expect(await (await request(server.url, { dispatcher })).body.text()).toBe("answer");
    expect(requests).toBe(3);
  });
});
