import { once } from "node:events";
import { createServer } from "node:http";

import { FeedSource, listen, rawServer, httpServer } from "@trailsum/testkit";
import { type Dispatcher, request } from "undici";
import { describe, expect, test } from "vitest";

import { agents, later, trailerAgent } from "./side-by-side.ts";

const MIB = 1 << 20;
/** What lies in the buffers of two sockets and of the system between them, at the very most. */
const IN_BETWEEN = 16 * MIB;

/** Waits until `count` no longer grows. */
async function settled(count: () => number): Promise<number> {
  for (let before = -1; before !== count();) {
    before = count();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return count();
}

/** A server that answers with 64 MiB from a source, and reports how much it could send. */
async function bigServer(): Promise<{ origin: string; sent(): number; connections(): number }> {
  let source: FeedSource | undefined;
  const server = await httpServer((_request, response) => {
    source = new FeedSource();
    source.offer(64 * MIB);
    source.finish();
    source.pipe(response);
  });
  return { ...server, sent: () => source?.produced ?? 0 };
}

describe.each(agents)("%s holds the server back", (_name, agent) => {
  test("while no one reads the body", async () => {
    const server = await bigServer();
    const { body } = await request(server.origin, { dispatcher: agent() });
    expect(await settled(() => server.sent())).toBeLessThan(IN_BETWEEN);
    let length = 0;
    for await (const chunk of body) length += (chunk as Buffer).length;
    expect(length).toBe(64 * MIB);
  });

  test("while the controller is paused, wherever it was paused and resumed", async () => {
    const server = await bigServer();
    const started = later<Dispatcher.DispatchController>();
    const ended = later();
    let length = 0;
    let paused = true;
    let flowing = true;
    let whilePaused = 0;
    agent().dispatch(
      { origin: server.origin, path: "/", method: "GET" },
      {
        onRequestStart() {},
        onResponseStart(controller) {
          controller.pause();
          started.resolve(controller);
        },
        onResponseData(controller, chunk) {
          length += chunk.length;
          if (paused) whilePaused += chunk.length;
          if (!flowing) return;
          // Inside a callback, and to no effect: it is resumed before the callback is through.
          controller.pause();
          controller.resume();
        },
        onResponseEnd: () => ended.resolve(),
        onResponseError: (_controller, error) => ended.reject(error),
      },
    );
    const controller = await started.promise;
    expect(controller.paused).toBe(true);
    expect(await settled(() => server.sent())).toBeLessThan(IN_BETWEEN);
    expect(whilePaused).toBe(0);
    paused = false;
    controller.resume();
    expect(controller.paused).toBe(false);
    await expect.poll(() => length).toBeGreaterThan(IN_BETWEEN);
    flowing = false;
    controller.pause();
    const stopped = length;
    // One piece may have been in transit.
    expect((await settled(() => length)) - stopped).toBeLessThanOrEqual(65_536);
    controller.resume();
    await ended.promise;
    expect(length).toBe(64 * MIB);
  });

  test("also when the controller was paused before there was a response: the head still comes", async () => {
    const server = await bigServer();
    const started = later<number>();
    const ended = later();
    let length = 0;
    let controller: Dispatcher.DispatchController | undefined;
    agent().dispatch(
      { origin: server.origin, path: "/", method: "GET" },
      {
        onRequestStart(given) {
          controller = given;
          given.pause();
        },
        onResponseStart: (_controller, status) => started.resolve(status),
        onResponseData: (_controller, chunk) => void (length += chunk.length),
        onResponseEnd: () => ended.resolve(),
        onResponseError: (_controller, error) => ended.reject(error),
      },
    );
    expect(await started.promise).toBe(200);
    expect(await settled(() => server.sent())).toBeLessThan(IN_BETWEEN);
    expect(length).toBe(0);
    controller?.resume();
    await ended.promise;
    expect(length).toBe(64 * MIB);
  });

  test("and lets a paused response be aborted", async () => {
    const server = await bigServer();
    const { body } = await request(server.origin, { dispatcher: agent() });
    await settled(() => server.sent());
    body.on("error", () => {});
    body.destroy();
    await expect.poll(() => server.connections()).toBe(0);
  });
});

describe.each(agents)("%s holds the source of a request body back", (_name, agent) => {
  test("while the server does not read, and goes on when it does", async () => {
    const server = createServer();
    const { origin } = await listen(server);
    const source = new FeedSource();
    source.offer(64 * MIB);
    source.finish();
    const answer = request(origin, { dispatcher: agent(), method: "PUT", body: source });
    const [incoming, response] = (await once(server, "request")) as Parameters<
      NonNullable<Parameters<typeof createServer>[1]>
    >;
    expect(await settled(() => source.produced)).toBeLessThan(IN_BETWEEN);
    let length = 0;
    for await (const chunk of incoming) length += (chunk as Buffer).length;
    response.end("thanks");
    expect(await (await answer).body.text()).toBe("thanks");
    expect(length).toBe(64 * MIB);
  });

  test("that is an async iterable likewise", async () => {
    const server = createServer();
    const { origin } = await listen(server);
    let asked = 0;
    async function* generate(): AsyncGenerator<Buffer> {
      for (; asked < 64; asked++) yield Buffer.alloc(MIB);
    }
    const body = generate() as unknown as NonNullable<Dispatcher.DispatchOptions["body"]>;
    const answer = request(origin, { dispatcher: agent(), method: "PUT", body });
    const [incoming, response] = (await once(server, "request")) as Parameters<
      NonNullable<Parameters<typeof createServer>[1]>
    >;
    expect(await settled(() => asked)).toBeLessThan(IN_BETWEEN / MIB);
    let length = 0;
    for await (const chunk of incoming) length += (chunk as Buffer).length;
    response.end();
    await (await answer).body.dump();
    expect(length).toBe(64 * MIB);
  });
});

describe("TrailerAgent, other than undici,", () => {
  test("stops asking the source when the answer is a refusal, and hands that over", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno!");
      await connection.readToEnd();
    });
    const source = new FeedSource();
    source.offer(MIB);
    const { statusCode, body } = await request(server.origin, {
      dispatcher: trailerAgent(),
      method: "PUT",
      body: source,
    });
    expect([statusCode, await body.text()]).toEqual([413, "no!"]);
    expect(source.destroyed).toBe(true);
    await server.finished();
  });
});
