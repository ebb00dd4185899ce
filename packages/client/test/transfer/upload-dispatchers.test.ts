import { rawServer, tempDir } from "@trailsum/testkit";
import { Agent, type Dispatcher, interceptors, Pool } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";

import { TrailerAgent, upload } from "../../src/index.ts";
import { receiver, rejection } from "./peers.ts";

function destroyed<T extends Dispatcher>(dispatcher: T): T {
  onTestFinished(() => dispatcher.destroy());
  return dispatcher;
}

describe("an upload through a dispatcher that sends no trailers is never a success:", () => {
  const sentence = /the dispatcher did not send the trailers: use a TrailerAgent/;

  test("undici's Agent, and a server that accepts it", async () => {
    const server = await receiver();
    const error = await rejection(upload(server.origin, ["content"], { dispatcher: destroyed(new Agent()) }));
    expect(error).toMatchObject({ code: "USAGE", message: expect.stringMatching(sentence) });
    expect([...server.uploads[0]!.trailer]).toEqual([]);
  });

  test("undici's Pool, and a server that finds that digests lack", async () => {
    const type = "urn:trailsum:problem:digest-missing";
    const server = await receiver((response) => {
      response.writeHead(400, { "Content-Type": "application/problem+json" }).end(JSON.stringify({ type }));
    });
    const dispatcher = destroyed(new Pool(server.origin));
    const error = await rejection(upload(server.origin, ["content"], { dispatcher }));
    expect(error).toMatchObject({ code: "USAGE", message: expect.stringMatching(sentence) });
  });

  test("undici's Agent, and a server that refuses for a reason of its own", async () => {
    const server = await receiver((response) => response.writeHead(403).end());
    const error = await rejection(upload(server.origin, ["content"], { dispatcher: destroyed(new Agent()) }));
    expect(error).toMatchObject({ code: "REFUSED", status: 403 });
  });
});

describe("an upload goes through", () => {
  test("a TrailerAgent of its own, with its settings", async () => {
    const server = await rawServer(() => {});
    const dispatcher = destroyed(new TrailerAgent({ headersTimeout: 50 }));
    const error = await rejection(upload(server.origin, ["content"], { dispatcher }));
    expect(error).toMatchObject({
      code: "TIMEOUT",
      message: expect.stringContaining("timed out waiting for a response"),
    });
  });

  test("a TrailerAgent that interceptors are composed with", async () => {
    const server = await receiver();
    const dispatcher = destroyed(new TrailerAgent()).compose(
      interceptors.retry({ maxRetries: 0 }),
      interceptors.redirect({ maxRedirections: 0 }),
    );
    const result = await upload(server.origin, ["content"], { dispatcher });
    expect(result.status).toBe(201);
    expect(server.uploads[0]!.trailer.get("Size")).toBe("7");
  });

  test("a TrailerAgent that is destroyed meanwhile not at all", async () => {
    const dispatcher = new TrailerAgent();
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      await dispatcher.destroy();
    });
    const error = await rejection(upload(server.origin, ["content"], { dispatcher }));
    expect(error).toMatchObject({ code: "CONNECTION_LOST", message: expect.stringContaining("was destroyed") });
  });

  test("none where the file cannot be read", async () => {
    const dispatcher = destroyed(new TrailerAgent());
    let dispatched = 0;
    const counting = dispatcher.compose((dispatch) => (options, handler) => {
      dispatched += 1;
      return dispatch(options, handler);
    });
    const error = await rejection(upload("http://127.0.0.1:9/", await tempDir(), { dispatcher: counting }));
    expect(error.code).toBe("FILE_UNREADABLE");
    expect(dispatched).toBe(0);
  });
});

test("one agent carries many uploads at once, each with its own digests", async () => {
  const server = await receiver();
  const dispatcher = destroyed(new TrailerAgent({ connections: 4 }));
  const names = Array.from({ length: 40 }, (_, at) => `content ${at}`);
  const results = await Promise.all(names.map((name) => upload(server.origin, [name], { dispatcher })));
  for (const [at, { digests }] of results.entries()) {
    const received = server.uploads.find(({ content }) => content.toString() === names[at]!)!;
    expect(received.trailer.get("Md5")).toBe(digests.values.get("md5")!.toString("hex"));
  }
});
