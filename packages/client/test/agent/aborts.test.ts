import { PassThrough, type Readable } from "node:stream";

import { FeedSource, rawServer, httpServer } from "@trailsum/testkit";
import { request } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";

import { agents, failure } from "./side-by-side.ts";

/** Fails the test for an unhandled rejection. */
function noUnhandledRejections(): void {
  const seen: unknown[] = [];
  const listener = (reason: unknown): void => void seen.push(reason);
  process.on("unhandledRejection", listener);
  onTestFinished(async () => {
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", listener);
    expect(seen).toEqual([]);
  });
}

/** A body that gives a little and then waits for ever. */
function endless(): FeedSource {
  const source = new FeedSource(Buffer.alloc(100));
  source.offer(100);
  return source;
}

const reason = new Error("changed my mind");

describe.each(agents)("%s, when a signal aborts a request", (_name, agent) => {
  test("before it is made: nothing is sent, and its body is destroyed", async () => {
    noUnhandledRejections();
    const server = await httpServer(() => {});
    const body = new PassThrough();
    const signal = AbortSignal.abort(reason);
    expect(await failure(request(server.url, { dispatcher: agent(), method: "PUT", body, signal }))).toBe(reason);
    expect(body.destroyed).toBe(true);
    await expect.poll(() => server.connections()).toBe(0);
  });

  test("before its head is answered: the connection is closed", async () => {
    noUnhandledRejections();
    const server = await httpServer(() => {});
    const controller = new AbortController();
    const answer = failure(request(server.url, { dispatcher: agent(), signal: controller.signal }));
    await expect.poll(() => server.connections()).toBe(1);
    controller.abort(reason);
    expect(await answer).toBe(reason);
    await expect.poll(() => server.connections()).toBe(0);
  });

  test("while its body is sent: source and connection are closed", async () => {
    noUnhandledRejections();
    let got = 0;
    const server = await httpServer((incoming) => void incoming.on("data", (chunk: Buffer) => (got += chunk.length)));
    const controller = new AbortController();
    const body = endless();
    const errors: unknown[] = [];
    body.on("error", (error) => errors.push(error));
    const options = { dispatcher: agent(), method: "PUT", body, signal: controller.signal } as const;
    const answer = failure(request(server.url, options));
    await expect.poll(() => got).toBe(100);
    controller.abort(reason);
    expect(await answer).toBe(reason);
    expect(body.destroyed).toBe(true);
    await expect.poll(() => errors).toEqual([reason]);
    await expect.poll(() => server.connections()).toBe(0);
  });

  test("while an async iterable is sent: the connection is closed", async () => {
    noUnhandledRejections();
    let got = 0;
    const server = await httpServer((incoming) => void incoming.on("data", (chunk: Buffer) => (got += chunk.length)));
    const controller = new AbortController();
    async function* drip(): AsyncGenerator<string> {
      for (;;) {
        yield "drop";
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
    const iterator = drip();
    const body = iterator as unknown as Readable;
    const options = { dispatcher: agent(), method: "PUT", body, signal: controller.signal } as const;
    const answer = failure(request(server.url, options));
    await expect.poll(() => got).toBeGreaterThan(0);
    controller.abort(reason);
    expect(await answer).toBe(reason);
    await expect.poll(() => server.connections()).toBe(0);
    // The iterator is closed, so that it can release its resources.
    await expect.poll(async () => (await iterator.next()).done).toBe(true);
  });

  test("while its response comes: the body fails, and the connection is closed", async () => {
    noUnhandledRejections();
    const server = await httpServer((_request, response) => void response.write("some"));
    const controller = new AbortController();
    const { body } = await request(server.url, { dispatcher: agent(), signal: controller.signal });
    const read = failure(body.text());
    controller.abort(reason);
    expect(await read).toBe(reason);
    await expect.poll(() => server.connections()).toBe(0);
  });

  test("after its response has come: nothing happens, and the connection is used again", async () => {
    noUnhandledRejections();
    const server = await httpServer((_request, response) => void response.end("ok"));
    const dispatcher = agent({ connections: 1 });
    const controller = new AbortController();
    const { body } = await request(server.url, { dispatcher, signal: controller.signal });
    expect(await body.text()).toBe("ok");
    controller.abort(reason);
    expect(await (await request(server.url, { dispatcher })).body.text()).toBe("ok");
    expect(server.connections()).toBe(1);
  });

  test("without a reason: the error is the signal's own", async () => {
    const server = await httpServer(() => {});
    const signal = AbortSignal.timeout(30);
    expect(await failure(request(server.url, { dispatcher: agent(), signal }))).toMatchObject({ name: "TimeoutError" });
    await expect.poll(() => server.connections()).toBe(0);
  });
});

describe.each(agents)("%s, when a response body is destroyed", (_name, agent) => {
  test("before anything of it was read: the connection is closed", async () => {
    noUnhandledRejections();
    const server = await httpServer((_request, response) => void response.write("some"));
    const { body } = await request(server.url, { dispatcher: agent() });
    body.on("error", () => {});
    body.destroy();
    await expect.poll(() => server.connections()).toBe(0);
  });

  test("with a part of it unread: the request body is destroyed too", async () => {
    noUnhandledRejections();
    const server = await httpServer((incoming, response) => {
      incoming.resume();
      response.write("some");
    });
    const sent = endless();
    sent.on("error", () => {});
    const { body } = await request(server.url, { dispatcher: agent(), method: "PUT", body: sent });
    body.on("error", () => {});
    body.destroy(reason);
    await expect.poll(() => sent.destroyed).toBe(true);
    await expect.poll(() => server.connections()).toBe(0);
  });
});

describe("TrailerAgent, other than undici,", () => {
  const agent = agents[1]![1];

  test("fails an aborted request at once while it waits for a connection, and gives the others their turn", async () => {
    noUnhandledRejections();
    const answers: (() => void)[] = [];
    const server = await httpServer((_request, response) => void answers.push(() => response.end("ok")));
    const dispatcher = agent({ connections: 1 });
    const first = request(server.url, { dispatcher });
    const controller = new AbortController();
    const body = new PassThrough();
    const options = { dispatcher, method: "PUT", body, signal: controller.signal } as const;
    const second = failure(request(server.url, options));
    const third = request(server.url, { dispatcher });
    await expect.poll(() => answers.length).toBe(1);
    controller.abort(reason);
    expect(await second).toBe(reason);
    expect(body.destroyed).toBe(true);
    answers.shift()!();
    await (await first).body.dump();
    await expect.poll(() => answers.length).toBe(1);
    answers.shift()!();
    await (await third).body.dump();
    expect(server.connections()).toBe(1);
  });

  test("fails an aborted request at once while the connection for it is made, and gives that up", async () => {
    noUnhandledRejections();
    const mute = await rawServer(() => {});
    const controller = new AbortController();
    const origin = mute.origin.replace("http", "https");
    const answer = failure(request(origin, { dispatcher: agent(), signal: controller.signal }));
    await expect.poll(() => mute.connections.length).toBe(1);
    controller.abort(reason);
    expect(await answer).toBe(reason);
    await expect.poll(() => mute.connections[0]?.ended).toBe(true);
  });

  test("fails a waiting request whose body fails", async () => {
    noUnhandledRejections();
    const server = await httpServer(() => {});
    const dispatcher = agent({ connections: 1 });
    const first = failure(request(server.url, { dispatcher }));
    const body = new PassThrough();
    const second = failure(request(server.url, { dispatcher, method: "PUT", body }));
    body.destroy(reason);
    expect(await second).toBe(reason);
    await dispatcher.destroy();
    expect(await first).toBe("UND_ERR_DESTROYED");
  });
});
