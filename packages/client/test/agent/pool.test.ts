import { createServer } from "node:net";

import { listen, echoServer, httpServer } from "@trailsum/testkit";
import { type Dispatcher, request } from "undici";
import { describe, expect, test } from "vitest";

import { agents, failure, later, trailerAgent } from "./side-by-side.ts";

/** A server that holds every answer back until it is released. */
async function holdingServer(): Promise<{
  readonly origin: string;
  connections(): number;
  waiting(): number;
  answer(): void;
}> {
  const held: (() => void)[] = [];
  const server = await httpServer((_request, response) => void held.push(() => response.end("ok")));
  return { ...server, waiting: () => held.length, answer: () => held.shift()?.() };
}

/** A handler that waits for the end of its response. */
function waiter(): { handler: Dispatcher.DispatchHandler; done: Promise<void> } {
  const { promise, resolve, reject } = later();
  return {
    done: promise,
    handler: {
      onRequestStart() {},
      onResponseStart() {},
      onResponseData() {},
      onResponseEnd: () => resolve(),
      onResponseError: (_controller, error) => reject(error),
    },
  };
}

describe.each(agents)("%s opens", (_name, agent) => {
  test("as many connections as there are requests at a time, or as it may", async () => {
    const server = await holdingServer();
    const free = agent();
    const all = Array.from({ length: 6 }, () => request(server.origin, { dispatcher: free }));
    await expect.poll(() => server.waiting()).toBe(6);
    expect(server.connections()).toBe(6);
    for (let count = 0; count < 6; count++) server.answer();
    await Promise.all(all.map(async (one) => (await one).body.dump()));

    const limited = agent({ connections: 2 });
    const some = Array.from({ length: 6 }, async () =>
      (await request(server.origin, { dispatcher: limited })).body.dump(),
    );
    for (let answered = 0; answered < 6; answered++) {
      await expect.poll(() => server.waiting()).toBe(Math.min(2, 6 - answered));
      server.answer();
    }
    await Promise.all(some);
    expect(server.connections()).toBeLessThanOrEqual(8);
  });

  test("a connection for those that wait when another has failed", async () => {
    let refuse = true;
    const server = await httpServer((incoming, response) => {
      if (refuse) incoming.socket.destroy();
      else response.end("ok");
      refuse = false;
    });
    const dispatcher = agent({ connections: 1 });
    const first = failure(request(server.url, { dispatcher }));
    const second = request(server.url, { dispatcher });
    expect(await first).toMatch(/^(UND_ERR_SOCKET|ECONNRESET)$/);
    expect(await (await second).body.text()).toBe("ok");
  });

  test("no more for a while: dispatch says false, and drain follows", async () => {
    const server = await holdingServer();
    const dispatcher = agent({ connections: 2 });
    const drained: string[] = [];
    dispatcher.on("drain", (origin) => drained.push(origin.origin));
    const options: Dispatcher.DispatchOptions = { origin: server.origin, path: "/", method: "GET" };
    const waiters = [waiter(), waiter(), waiter()];
    expect(waiters.map(({ handler }) => dispatcher.dispatch(options, handler))).toEqual([true, false, false]);
    await expect.poll(() => server.waiting()).toBe(2);
    server.answer();
    await expect.poll(() => server.waiting()).toBe(2);
    expect(drained).toEqual([]);
    server.answer();
    await expect.poll(() => drained).toEqual([server.origin]);
    server.answer();
    await Promise.all(waiters.map(({ done }) => done));
    expect(drained).toEqual([server.origin]);
  });

  test("more for one origin, whatever happens to another", async () => {
    const [slow, quick] = await Promise.all([holdingServer(), holdingServer()]);
    const dispatcher = agent({ connections: 1 });
    const drained: string[] = [];
    dispatcher.on("drain", (origin) => drained.push(origin.origin));
    const waiters = [waiter(), waiter()];
    for (const [at, { origin }] of [slow, quick].entries()) {
      expect(dispatcher.dispatch({ origin, path: "/", method: "GET" }, waiters[at]!.handler)).toBe(false);
    }
    await expect.poll(() => quick.waiting()).toBe(1);
    quick.answer();
    await expect.poll(() => drained).toEqual([quick.origin]);
    await expect.poll(() => slow.waiting()).toBe(1);
    slow.answer();
    await expect.poll(() => drained).toEqual([quick.origin, slow.origin]);
    await Promise.all(waiters.map(({ done }) => done));
  });
});

describe.each(agents)("%s reports", (_name, agent) => {
  test("of connections that are made and lost", async () => {
    const server = await echoServer();
    const dispatcher = agent();
    const reported: unknown[] = [];
    dispatcher.on("connect", (origin, targets) => reported.push("connect", origin.origin, targets[0] === dispatcher));
    dispatcher.on("disconnect", (origin, targets, error) =>
      reported.push("disconnect", origin.origin, targets[0] === dispatcher, error.code),
    );
    const { body } = await request(server.url, { dispatcher, reset: true });
    await body.dump();
    await expect
      .poll(() => reported)
      .toEqual(["connect", server.origin, true, "disconnect", server.origin, true, "UND_ERR_INFO"]);
  });

  test("of connections that cannot be made", async () => {
    const dispatcher = agent();
    const reported: unknown[] = [];
    dispatcher.on("connectionError", (origin, targets, error) =>
      reported.push(origin.origin, targets[0] === dispatcher, error.code),
    );
    const origin = await closedOrigin();
    expect(await failure(request(origin, { dispatcher }))).toBe("ECONNREFUSED");
    expect(reported).toEqual([origin, true, "ECONNREFUSED"]);
    expect(await failure(request(origin, { dispatcher }))).toBe("ECONNREFUSED");
  });
});

describe("TrailerAgent, other than undici,", () => {
  test("lets a request that is dispatched from within a failure have its end too", async () => {
    const dispatcher = trailerAgent();
    const origin = await closedOrigin();
    const options: Dispatcher.DispatchOptions = { origin, path: "/", method: "GET" };
    const codes: unknown[] = [];
    const { promise, resolve } = later();
    const again = (left: number): void => {
      dispatcher.dispatch(options, {
        ...waiter().handler,
        onResponseError(_controller, error) {
          codes.push((error as NodeJS.ErrnoException).code);
          if (left > 0) again(left - 1);
          else resolve();
        },
      });
    };
    again(3);
    await promise;
    await dispatcher.close();
    expect(codes).toEqual(["ECONNREFUSED", "ECONNREFUSED", "ECONNREFUSED", "ECONNREFUSED"]);
  });
});

/** An origin where no one listens any more. */
async function closedOrigin(): Promise<string> {
  const server = createServer();
  const { origin } = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return origin;
}
