import { createServer } from "node:http";
import { connect } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { listen, rawClient } from "../src/index.ts";

describe("a server of a test", () => {
  test("answers, and is closed although a keep-alive connection lies idle", async () => {
    const server = await listen(createServer((_request, response) => response.end("hello")));
    const response = await fetch(server.url);
    expect(await response.text()).toBe("hello");
    expect(server.connections()).toBe(1);
  });

  test("is closed although a connection was never used", async () => {
    const server = await listen(createServer(), { drainTimeout: 2_000 });
    const unused = connect(server.port, "127.0.0.1");
    await expect.poll(() => server.connections()).toBe(1);
    onTestFinished(() => void unused.destroy());
  });

  test("is waited for when a request is still under way", async () => {
    const server = await listen(
      createServer((_request, response) => {
        setTimeout(() => response.end("late"), 200);
      }),
    );
    const client = await rawClient(server.port);
    await client.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect(server.connections()).toBeLessThanOrEqual(1);
  });

  test.fails("fails its test when a connection is left open", async () => {
    const asked = Promise.withResolvers<void>();
    const server = await listen(
      createServer(() => asked.resolve()),
      { drainTimeout: 200 },
    );
    void fetch(server.url).catch(() => {});
    await asked.promise;
    expect(server.connections()).toBe(1);
  });
});
