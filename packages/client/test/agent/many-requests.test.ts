import { PassThrough, Readable } from "node:stream";

import { request } from "undici";
import { echoServer, httpServer } from "@trailsum/testkit";
import { describe, expect, onTestFinished, test } from "vitest";

import { agents, echoed, later, trailerAgent } from "./side-by-side.ts";

/** Fails the test if Node warns of listeners that no one takes away. */
function noLeakWarnings(): void {
  const warnings: string[] = [];
  const listener = ({ name, message }: Error): void =>
    void (name === "MaxListenersExceededWarning" && warnings.push(message));
  process.on("warning", listener);
  onTestFinished(async () => {
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", listener);
    expect(warnings).toEqual([]);
  });
}

describe("TrailerAgent", () => {
  test.each([[200], [3]])(
    "sends 200 requests at once over at most %i connections, each with its own trailers",
    async (connections) => {
      noLeakWarnings();
      const server = await echoServer();
      const dispatcher = trailerAgent({ connections });
      await Promise.all(
        Array.from({ length: 200 }, async (_, number) => {
          const body = number % 2 === 0 ? `body ${number}` : Readable.from(["body ", String(number)]);
          const trailers = async (): Promise<Record<string, string>> => {
            await new Promise((resolve) => setTimeout(resolve, (number * 7) % 20));
            return { [`X-${number}`]: `trailer ${number}` };
          };
          const got = await echoed(
            await request(`${server.origin}/${number}`, { dispatcher, method: "PUT", body, trailers }),
          );
          expect([got.url, got.body, ...got.rawTrailers]).toEqual([
            `/${number}`,
            `body ${number}`,
            `X-${number}`,
            `trailer ${number}`,
          ]);
        }),
      );
      expect(server.connections()).toBeLessThanOrEqual(connections);
      await dispatcher.close();
      await expect.poll(() => server.connections()).toBe(0);
    },
  );
});

describe.each(agents)("%s", (_name, agent) => {
  test("leaves nothing behind of 1,000 requests that follow one another", async () => {
    noLeakWarnings();
    const server = await httpServer((incoming, response) => void incoming.resume().on("end", () => response.end("ok")));
    const dispatcher = agent({ connections: 1 });
    const { signal } = new AbortController();
    for (let turn = 0; turn < 1_000; turn++) {
      const body = turn % 2 === 0 ? null : Readable.from(["x"]);
      const response = await request(server.url, { dispatcher, method: "PUT", body, signal });
      await response.body.dump();
    }
    expect(server.connections()).toBe(1);
    await dispatcher.close();
    await expect.poll(() => server.connections()).toBe(0);
  });

  test("leaves nothing behind of 1,000 requests that are aborted, at every stage", async () => {
    noLeakWarnings();
    const server = await httpServer((incoming, response) => {
      incoming.resume();
      response.write("some");
    });
    const dispatcher = agent();
    const reason = new Error("changed my mind");
    const abort = async (turn: number): Promise<void> => {
      const controller = new AbortController();
      const body = new PassThrough();
      body.write("some");
      const answer = request(server.url, { dispatcher, method: "PUT", body, signal: controller.signal });
      const stages = [
        () => undefined,
        () => new Promise((resolve) => setImmediate(resolve)),
        () => new Promise((resolve) => setTimeout(resolve, turn % 7)),
        () => answer,
      ];
      const failed = later<unknown>();
      answer.then(({ body: content }) => content.on("error", failed.resolve).resume(), failed.resolve);
      await stages[turn % stages.length]!();
      controller.abort(reason);
      expect(await failed.promise).toBe(reason);
      expect(body.destroyed).toBe(true);
    };
    for (let turn = 0; turn < 1_000; turn += 20) {
      await Promise.all(Array.from({ length: 20 }, (_, at) => abort(turn + at)));
    }
    await expect.poll(() => server.connections()).toBe(0);
  });
});
