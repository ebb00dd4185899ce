import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { digestTrailers } from "@trailsum/shared";
import { parseMessage, rawServer } from "@trailsum/testkit";
import { interceptors } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";

import { TrailerAgent, upload } from "../../src/index.ts";
import { receiver, rejection, wholeRequest, wireResponse } from "./peers.ts";

const content = Buffer.alloc(200_000, "content");
const created = wireResponse("201 Created", [["Content-Length", "0"]]);

describe("an upload that fails in a way that may pass is begun again, whole:", () => {
  test("answered 408, 425, 429, 502, 503 or 504, then 201", async () => {
    const passing = [408, 425, 429, 502, 503, 504].map(async (status) => {
      const server = await receiver((response, _upload, index) => response.writeHead(index === 0 ? status : 201).end());
      const result = await upload(server.origin, content, { retries: 1 });
      expect(result.status).toBe(201);
      expect(server.uploads.map((one) => one.content.equals(content))).toEqual([true, true]);
      expect(server.uploads[0]!.trailer).toEqual(server.uploads[1]!.trailer);
    });
    await Promise.all(passing);
  });

  test("reset in the middle, then cut before the answer, then taken", async () => {
    const server = await rawServer(async (connection, index) => {
      if (index === 0) {
        await connection.readBytes(1_000);
        connection.reset();
        return;
      }
      await wholeRequest(connection);
      connection.end(index === 1 ? "" : created);
    });
    const transferred: number[] = [];
    const onProgress = (progress: { transferred: number }): void => void transferred.push(progress.transferred);
    const result = await upload(server.origin, content, { retries: 2, onProgress });
    expect(result.digests.size).toBe(content.length);
    expect(server.connections).toHaveLength(3);
    expect(transferred.at(-1)).toBe(content.length);
  });

  test("refused a connection, then given one", async () => {
    const server = createServer((request, response) => {
      request.resume().once("end", () => response.writeHead(201, { Connection: "close" }).end());
    });
    onTestFinished(() => void server.close());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const agent = new TrailerAgent();
    onTestFinished(() => agent.destroy());
    let attempts = 0;
    // The server is back before the second attempt, and not before.
    const dispatcher = agent.compose((dispatch) => (options, handler) => {
      attempts += 1;
      if (attempts === 1) return dispatch(options, handler);
      server.listen(port, "127.0.0.1", () => dispatch(options, handler));
      return true;
    });
    const result = await upload(`http://127.0.0.1:${port}/`, content, { retries: 1, dispatcher });
    expect(result.status).toBe(201);
    expect(attempts).toBe(2);
  });

  test("after a report that its content was damaged on the way", async () => {
    const type = "https://iana.org/assignments/http-problem-types#digest-mismatched-values";
    const server = await receiver((response, _upload, index) => {
      if (index > 0) return void response.writeHead(201).end();
      response.writeHead(400, { "Content-Type": "application/problem+json" }).end(JSON.stringify({ type }));
    });
    expect((await upload(server.origin, content, { retries: 1 })).status).toBe(201);
  });
});

describe("an upload is not begun again", () => {
  test.each([400, 401, 403, 404, 409, 413, 500, 501, 507])("when it is answered %i", async (status) => {
    const server = await receiver((response) => response.writeHead(status).end());
    expect(await rejection(upload(server.origin, content, { retries: 5 }))).toMatchObject({ code: "REFUSED", status });
    expect(server.uploads).toHaveLength(1);
  });

  test("when retries were not asked for", async () => {
    const server = await receiver((response) => response.writeHead(503).end());
    expect((await rejection(upload(server.origin, content))).status).toBe(503);
    expect(server.uploads).toHaveLength(1);
  });

  test("more often than asked for, and then fails as it failed last", async () => {
    const server = await receiver((response, _upload, index) => response.writeHead(index === 0 ? 503 : 429).end());
    expect((await rejection(upload(server.origin, content, { retries: 1 }))).status).toBe(429);
    expect(server.uploads).toHaveLength(2);
  });

  test.each([
    ["a stream", () => ReadableStream.from([content])],
    ["an iterable", () => [content]],
  ])("when its source is %s, which can be read but once", async (_kind, make) => {
    const server = await receiver((response) => response.writeHead(503).end());
    expect((await rejection(upload(server.origin, make(), { retries: 5 }))).status).toBe(503);
    expect(server.uploads).toHaveLength(1);
  });

  test("when it is cancelled during the pause", async () => {
    const controller = new AbortController();
    const server = await receiver((response) => {
      response.writeHead(503).end();
      response.once("close", () => setImmediate(() => controller.abort()));
    });
    const error = await rejection(upload(server.origin, content, { retries: 5, signal: controller.signal }));
    expect(error.code).toBe("ABORTED");
    expect(server.uploads).toHaveLength(1);
  });
});

describe("undici's retry interceptor, which cannot begin a stream again, never makes a success of", () => {
  test.each([
    ["what was cut off in the middle", 1_000],
    ["what was sent and not answered", 200_000],
  ])("%s", async (_what, bytes) => {
    const server = await rawServer(async (connection, index) => {
      await connection.readBytes(index === 0 ? bytes : 1);
      // This one takes whatever it gets.
      if (index === 0) connection.reset();
      else await connection.write(created);
    });
    const agent = new TrailerAgent();
    onTestFinished(() => agent.destroy());
    const dispatcher = agent.compose(interceptors.retry({ maxRetries: 1, minTimeout: 1 }));
    const error = await rejection(
      upload(server.origin, ReadableStream.from([content]), { delivery: "trailers", dispatcher }),
    );
    expect(error).toMatchObject({ code: "CONNECTION_LOST", message: expect.stringContaining("set `retries`") });
    expect(server.connections[1]?.received.includes("Content-Digest:")).not.toBe(true);
  });
});

test("undici's retry interceptor begins a source again that can be read again, whole, with its digests", async () => {
  const server = await rawServer(async (connection, index) => {
    if (index > 0) {
      await wholeRequest(connection);
      await connection.write(created);
      return;
    }
    await connection.readBytes(1_000);
    connection.reset();
  });
  const agent = new TrailerAgent();
  onTestFinished(() => agent.destroy());
  const dispatcher = agent.compose(interceptors.retry({ maxRetries: 1, minTimeout: 1 }));
  const { digests } = await upload(server.origin, content, { dispatcher });
  const { body, trailerLines } = parseMessage(server.connections[1]!.received);
  expect(body.equals(content)).toBe(true);
  expect(trailerLines).toEqual([...digestTrailers(digests)].map(([name, value]) => `${name}: ${value}`));
});
