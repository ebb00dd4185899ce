import { FeedSource, rawServer, echoServer, httpServer } from "@trailsum/testkit";
import { request } from "undici";
import { describe, expect, test } from "vitest";

import { agents, failure, trailerAgent } from "./side-by-side.ts";

describe.each(agents)("%s, closed,", (_name, agent) => {
  test("lets the requests that run and wait come to their end, and takes no more", async () => {
    const answers: (() => void)[] = [];
    const server = await httpServer((_request, response) => void answers.push(() => response.end("ok")));
    const dispatcher = agent({ connections: 1 });
    const running = request(server.url, { dispatcher });
    const waiting = request(server.url, { dispatcher });
    await expect.poll(() => answers.length).toBe(1);
    let closed = false;
    const closing = dispatcher.close().then(() => {
      closed = true;
    });
    expect(await failure(request(server.url, { dispatcher }))).toBe("UND_ERR_CLOSED");
    answers.shift()!();
    expect(await (await running).body.text()).toBe("ok");
    await expect.poll(() => answers.length).toBe(1);
    expect(closed).toBe(false);
    answers.shift()!();
    expect(await (await waiting).body.text()).toBe("ok");
    await closing;
    await expect.poll(() => server.connections()).toBe(0);
  });

  test("closes idle connections at once", async () => {
    const server = await echoServer();
    const dispatcher = agent();
    await (await request(server.url, { dispatcher })).body.dump();
    expect(server.connections()).toBe(1);
    await dispatcher.close();
    await expect.poll(() => server.connections()).toBe(0);
  });

  test("says so", async () => {
    const dispatcher = agent() as ReturnType<typeof agent> & { closed: boolean; destroyed: boolean };
    expect(dispatcher).toMatchObject({ closed: false, destroyed: false });
    const closing = dispatcher.close();
    expect(dispatcher).toMatchObject({ closed: true, destroyed: false });
    expect(await failure(request("http://127.0.0.1:9", { dispatcher }))).toBe("UND_ERR_CLOSED");
    await closing;
    expect(dispatcher).toMatchObject({ closed: true, destroyed: true });
    expect(await failure(request("http://127.0.0.1:9", { dispatcher }))).toBe("UND_ERR_DESTROYED");
    expect(await failure(dispatcher.close())).toBe("UND_ERR_DESTROYED");
  });

  test("by a callback, or twice at a time", async () => {
    const dispatcher = agent();
    await new Promise<void>((resolve) => dispatcher.close(() => resolve()));
    const other = agent();
    await Promise.all([other.close(), other.close()]);
    expect([dispatcher, other]).toMatchObject([{ destroyed: true }, { destroyed: true }]);
  });
});

describe.each(agents)("%s, destroyed,", (_name, agent) => {
  test("fails what runs, waits, and connects", async () => {
    const server = await httpServer((incoming, response) => {
      if (incoming.url === "/begun") response.write("some");
    });
    const mute = await rawServer(() => {});
    const dispatcher = agent({ connections: 1 });
    const begun = await request(`${server.origin}/begun`, { dispatcher });
    const waiting = failure(request(server.url, { dispatcher }));
    const connecting = failure(request(mute.origin, { dispatcher }));
    await dispatcher.destroy();
    expect(await failure(begun.body.text())).toBe("UND_ERR_DESTROYED");
    expect(await waiting).toBe("UND_ERR_DESTROYED");
    expect(await connecting).toBe("UND_ERR_DESTROYED");
    expect(await failure(request(server.url, { dispatcher }))).toBe("UND_ERR_DESTROYED");
    await expect.poll(() => server.connections()).toBe(0);
    await expect.poll(() => mute.connections.every(({ ended }) => ended)).toBe(true);
  });

  test("fails with the error that it is given", async () => {
    const server = await httpServer(() => {});
    const dispatcher = agent();
    const answer = failure(request(server.url, { dispatcher }));
    await expect.poll(() => server.connections()).toBe(1);
    const reason = new Error("shutting down");
    await dispatcher.destroy(reason);
    expect(await answer).toBe(reason);
    await dispatcher.destroy();
  });

  test("sends nothing again that had no answer yet", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      await connection.readHead();
      await connection.readToEnd();
    });
    const dispatcher = agent({ connections: 1 });
    await (await request(server.origin, { dispatcher })).body.dump();
    const answer = failure(request(server.origin, { dispatcher }));
    await expect.poll(() => String(server.connections[0]?.received).match(/GET/g)?.length).toBe(2);
    await dispatcher.destroy();
    expect(await answer).toBe("UND_ERR_DESTROYED");
    await server.finished();
    expect(server.connections.length).toBe(1);
  });

  test("fails a body that is being sent, and the source of it", async () => {
    const server = await httpServer(() => {});
    const dispatcher = agent();
    const body = new FeedSource();
    body.offer(10);
    const answer = failure(request(server.url, { dispatcher, method: "PUT", body }));
    await expect.poll(() => server.connections()).toBe(1);
    await dispatcher.destroy();
    expect(await answer).toBe("UND_ERR_DESTROYED");
    expect(body.destroyed).toBe(true);
  });
});

describe("TrailerAgent, other than undici,", () => {
  test("can be destroyed while it closes", async () => {
    const server = await httpServer(() => {});
    const dispatcher = trailerAgent();
    const answer = failure(request(server.url, { dispatcher }));
    await expect.poll(() => server.connections()).toBe(1);
    const closing = dispatcher.close();
    await new Promise<void>((resolve) => dispatcher.destroy(null, () => resolve()));
    await closing;
    expect(await answer).toBe("UND_ERR_DESTROYED");
  });

  test("closes at once although an unneeded connection is being made", async () => {
    const mute = await rawServer(() => {});
    const dispatcher = trailerAgent();
    const controller = new AbortController();
    const answer = failure(request(mute.origin.replace("http", "https"), { dispatcher, signal: controller.signal }));
    await expect.poll(() => mute.connections.length).toBe(1);
    controller.abort();
    expect(await answer).toMatchObject({ name: "AbortError" });
    await dispatcher.close();
    await expect.poll(() => mute.connections[0]?.ended).toBe(true);
  });
});
