import { type Dispatcher, request } from "undici";
import { httpServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { agents, later, trailerAgent } from "./side-by-side.ts";

const callbacks = [
  "onRequestStart",
  "onBodySent",
  "onRequestSent",
  "onResponseStart",
  "onResponseData",
  "onResponseEnd",
] as const;
type Callback = (typeof callbacks)[number];

/** Sends a PUT; at one callback `act` is called. Gives the error that the handler received, and what came before. */
async function actAt(
  dispatcher: Dispatcher,
  origin: string,
  at: Callback,
  act: (controller: Dispatcher.DispatchController) => void,
): Promise<{ error: unknown; reported: string[] }> {
  const reported: string[] = [];
  const { promise, resolve } = later<{ error: unknown; reported: string[] }>();
  let controller: Dispatcher.DispatchController | undefined;
  const note = (name: string): void => {
    reported.push(name);
    if (name === at) act(controller!);
  };
  dispatcher.dispatch(
    { origin, path: "/", method: "PUT", body: "some" },
    {
      onRequestStart(given) {
        controller = given;
        note("onRequestStart");
      },
      onBodySent: () => note("onBodySent"),
      onRequestSent: () => note("onRequestSent"),
      onResponseStart: () => note("onResponseStart"),
      onResponseData: () => note("onResponseData"),
      onResponseEnd() {
        note("onResponseEnd");
        resolve({ error: undefined, reported });
      },
      onResponseError(_controller, error) {
        reported.push("onResponseError");
        resolve({ error, reported });
      },
    },
  );
  return promise;
}

/** Events of a response after it had failed: none, even if events of the request follow. */
function heardAfterError(reported: readonly string[]): string[] {
  return reported.slice(reported.indexOf("onResponseError") + 1).filter((name) => name.startsWith("onResponse"));
}

const reason = new Error("enough");

describe.each(agents)("%s, with a handler that", (_name, agent) => {
  const halfAnswer = (): ReturnType<typeof httpServer> =>
    httpServer((incoming, response) => void incoming.resume().on("end", () => response.write("half")));

  test.each(callbacks.slice(1, -1))(
    "throws in %s: the request fails with that, and the connection is closed",
    async (at) => {
      const server = await halfAnswer();
      const { error, reported } = await actAt(agent(), server.origin, at, () => {
        throw reason;
      });
      expect(error).toBe(reason);
      expect(reported).toContain(at);
      expect(heardAfterError(reported)).toEqual([]);
      await expect.poll(() => server.connections()).toBe(0);
    },
  );

  test("throws in onRequestStart: the request fails with that before it is sent", async () => {
    const server = await halfAnswer();
    const { error, reported } = await actAt(agent(), server.origin, "onRequestStart", () => {
      throw reason;
    });
    expect(error).toBe(reason);
    expect(reported).toEqual(["onRequestStart", "onResponseError"]);
  });

  test("throws in onResponseEnd: it gets the error, and the connection is used again", async () => {
    const server = await httpServer(
      (incoming, response) => void incoming.resume().on("end", () => response.end("all")),
    );
    const dispatcher = agent({ connections: 1 });
    const { error } = await actAt(dispatcher, server.origin, "onResponseEnd", () => {
      throw reason;
    });
    expect(error).toBe(reason);
    expect(await (await request(server.url, { dispatcher })).body.text()).toBe("all");
    expect(server.connections()).toBe(1);
  });

  test.each(callbacks.slice(0, -1))(
    "aborts in %s: the request fails with that, and the connection is closed",
    async (at) => {
      const server = await halfAnswer();
      let seen: Dispatcher.DispatchController | undefined;
      const { error, reported } = await actAt(agent(), server.origin, at, (controller) => {
        seen = controller;
        controller.abort(reason);
        controller.abort(new Error("a second time"));
      });
      expect(error).toBe(reason);
      expect(seen).toMatchObject({ aborted: true, reason });
      expect(heardAfterError(reported)).toEqual([]);
      await expect.poll(() => server.connections()).toBe(0);
    },
  );

  test("aborts when all is over: nothing happens", async () => {
    const server = await httpServer(
      (incoming, response) => void incoming.resume().on("end", () => response.end("all")),
    );
    const dispatcher = agent({ connections: 1 });
    const { error } = await actAt(dispatcher, server.origin, "onResponseEnd", (controller) => controller.abort(reason));
    expect(error).toBeUndefined();
    expect(await (await request(server.url, { dispatcher })).body.text()).toBe("all");
    expect(server.connections()).toBe(1);
  });

  test("is a class with methods, or leaves out what it need not have", async () => {
    const server = await httpServer((_request, response) => void response.end("all"));
    class Collector implements Dispatcher.DispatchHandler {
      readonly ended: PromiseWithResolvers<string> = later<string>();
      #text = "";
      onRequestStart(): void {}
      onResponseStart(): void {}
      onResponseData(_controller: unknown, chunk: Buffer): void {
        this.#text += chunk.toString();
      }
      onResponseEnd(): void {
        this.ended.resolve(this.#text);
      }
      onResponseError(_controller: unknown, error: Error): void {
        this.ended.reject(error);
      }
    }
    const collector = new Collector();
    agent().dispatch({ origin: server.origin, path: "/", method: "GET" }, collector);
    expect(await collector.ended.promise).toBe("all");
  });
});

describe("TrailerAgent, with a handler that throws in onResponseError,", () => {
  test("surfaces that as an uncaught exception, and every other request has its end", async () => {
    const server = await httpServer(() => {});
    const dispatcher = trailerAgent();
    const uncaught = later<unknown>();
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException").once("uncaughtException", uncaught.resolve);
    const reported: string[] = [];
    for (const name of ["first", "second"]) {
      dispatcher.dispatch(
        { origin: server.origin, path: "/", method: "GET" },
        {
          onRequestStart() {},
          onResponseStart() {},
          onResponseData() {},
          onResponseEnd() {},
          onResponseError() {
            reported.push(name);
            if (name === "first") throw reason;
          },
        },
      );
    }
    await expect.poll(() => server.connections()).toBe(2);
    await dispatcher.destroy();
    expect(await uncaught.promise).toBe(reason);
    for (const listener of listeners) process.on("uncaughtException", listener);
    expect(reported).toEqual(["first", "second"]);
  });
});

describe("TrailerAgent, used by another major version of undici,", () => {
  test("says so to a handler of undici 6 and to the fetch of Node itself", async () => {
    const server = await httpServer((_request, response) => void response.end());
    const dispatcher = trailerAgent();
    const handler = { onConnect() {}, onHeaders: () => true, onData: () => true, onComplete() {}, onError() {} };
    const options = { origin: server.origin, path: "/", method: "GET" } as const;
    expect(() => dispatcher.dispatch(options, handler as unknown as Dispatcher.DispatchHandler)).toThrow(
      "TrailerAgent works with undici 8 only",
    );
    const fetched = fetch(server.origin, { dispatcher } as unknown as RequestInit);
    await expect(fetched).rejects.toMatchObject({ cause: { message: expect.stringContaining("undici 8 only") } });
    expect(server.connections()).toBe(0);
  });

  test("says so to functions that hand their own options on", async () => {
    const dispatcher = trailerAgent();
    const options = { origin: "http://127.0.0.1:1", path: "/", method: "GET", dispatcher } as const;
    await expect(dispatcher.request(options)).rejects.toThrow("TrailerAgent works with undici 8 only");
  });
});
