import { PassThrough } from "node:stream";

import { FeedSource, rawServer } from "@trailsum/testkit";
import { describe, expect, onTestFinished, test, vi } from "vitest";

import { type TrailerAgentOptions } from "../../src/index.ts";
import { trailerAgent } from "../agent/side-by-side.ts";
import { content, record, type RecordOptions } from "./recording.ts";
import { iterable } from "./wire.ts";

const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function row(name: string, bytes: string, code: string, options: RecordOptions = {}) {
  return [name, bytes, code, options] as const;
}

describe("the server falls silent", () => {
  test.each([
    row("before its answer", "", "UND_ERR_HEADERS_TIMEOUT"),
    row("before its answer to a body", "", "UND_ERR_HEADERS_TIMEOUT", {
      method: "PUT",
      body: "a",
      trailers: { Md5: "a" },
    }),
    row("in the middle of the head", "HTTP/1.1 200 OK\r\nA", "UND_ERR_HEADERS_TIMEOUT"),
    row("after an interim response", "HTTP/1.1 103 Early Hints\r\n\r\n", "UND_ERR_HEADERS_TIMEOUT"),
    row("after the head", CHUNKED, "UND_ERR_BODY_TIMEOUT"),
    row("in the middle of the content", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "UND_ERR_BODY_TIMEOUT"),
    row("in the middle of a chunk", `${CHUNKED}5\r\nhe`, "UND_ERR_BODY_TIMEOUT"),
    row("before the last chunk", `${CHUNKED}5\r\nhello\r\n`, "UND_ERR_BODY_TIMEOUT"),
    row("in the middle of the trailers", `${CHUNKED}5\r\nhello\r\n0\r\nMd5: a\r\n`, "UND_ERR_BODY_TIMEOUT"),
    row("in content that ends with the connection", "HTTP/1.1 200 OK\r\n\r\nhello", "UND_ERR_BODY_TIMEOUT"),
  ])("%s", async (_name, bytes, code, options) => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write(bytes);
    });
    const agent = trailerAgent({ headersTimeout: 150, bodyTimeout: 150 });
    const heard = await record(agent, server.origin, options).ended;
    expect(heard).toMatchObject({ error: { code }, trailers: undefined, ends: 1 });
    await server.connections[0]!.readToEnd();
  });

  test("and the request has its own limit", async () => {
    const server = await rawServer((connection) => void connection.socket.resume());
    const { error } = await record(trailerAgent(), server.origin, { headersTimeout: 100 }).ended;
    expect(error).toMatchObject({ code: "UND_ERR_HEADERS_TIMEOUT" });
  });

  test("in the middle of the handshake of TLS", async () => {
    const server = await rawServer((connection) => void connection.socket.resume());
    const agent = trailerAgent({ connect: { timeout: 150, rejectUnauthorized: false } });
    const { error } = await record(agent, server.origin.replace("http:", "https:")).ended;
    expect(error).toMatchObject({ code: "UND_ERR_CONNECT_TIMEOUT" });
    await server.connections[0]!.readToEnd();
  });
});

test("with a connect.timeout of 0 the handshake of TLS may take as long as it does", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  const turns = async (condition: () => boolean): Promise<void> => {
    for (let turn = 0; turn < 50 || !condition(); turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  const server = await rawServer((connection) => void connection.socket.resume());
  const origin = server.origin.replace("http:", "https:");
  const [unlimited, limited] = [{ timeout: 0 }, {}].map(
    (limit) => record(trailerAgent({ connect: { ...limit, rejectUnauthorized: false } }), origin).recording,
  );
  await turns(() => server.connections.length === 2);
  vi.advanceTimersByTime(3_600_000);
  await turns(() => limited!.error !== undefined);
  expect(limited!.error).toMatchObject({ code: "UND_ERR_CONNECT_TIMEOUT" });
  expect(unlimited!.error).toBeUndefined();
});

describe("the server stops reading", () => {
  test.each<readonly [name: string, make: (source: FeedSource) => RecordOptions]>([
    ["a stream", (body) => ({ body })],
    ["an async iterable", (body) => ({ body: body[Symbol.asyncIterator]() })],
    ["a body in memory", () => ({ body: Buffer.alloc(64 * 1_048_576) })],
  ])("%s", async (_name, make) => {
    const server = await rawServer((connection) => void connection.socket.pause());
    const source = new FeedSource();
    source.offer(1e9);
    const agent = trailerAgent({ bodyTimeout: 200, headersTimeout: 60_000 });
    const heard = await record(agent, server.origin, { method: "PUT", ...make(source) }).ended;
    expect(heard).toMatchObject({ error: { code: "UND_ERR_BODY_TIMEOUT" }, ends: 1 });
  });
});

describe("what moves is not cut:", () => {
  const limits: TrailerAgentOptions = { headersTimeout: 1_200, bodyTimeout: 1_200 };
  /** Six of them take longer than the limits, and each much less: a busy machine may take a second more. */
  const SHORT = 250;

  test("the server sends a little now and then", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write(CHUNKED);
      for (const piece of ["2\r", "\nab", "\r\n", "2\r\ncd\r\n", "0\r\n", "\r\n"]) {
        await pause(SHORT);
        await connection.write(piece);
      }
    });
    const heard = await record(trailerAgent(limits), server.origin).ended;
    expect(heard.error).toBeUndefined();
    expect(content(heard)).toBe("abcd");
  });

  test("the body comes a little now and then", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readUntil("0\r\n\r\n");
      await connection.write(OK);
    });
    const body = (async function* () {
      for (const piece of ["a", "b", "c", "d", "e", "f"]) {
        await pause(SHORT);
        yield piece;
      }
    })();
    expect((await record(trailerAgent(limits), server.origin, { method: "PUT", body }).ended).error).toBeUndefined();
  });

  test("the server reads large pieces slowly", async () => {
    const size = 20 * 1_048_576;
    const server = await rawServer(async ({ socket }) => {
      let read = 0;
      socket.removeAllListeners("data");
      socket.pause();
      while (read < 2 * size && !socket.destroyed && !socket.readableEnded) {
        await pause(2);
        read += (socket.read() as Buffer | null)?.length ?? 0;
      }
      socket.write(OK);
    });
    // A piece may take longer than the limit: what counts is that it moves.
    const agent = trailerAgent({ bodyTimeout: 400 });
    const body = iterable(Buffer.alloc(size), Buffer.alloc(size));
    expect((await record(agent, server.origin, { method: "PUT", body }).ended).error).toBeUndefined();
  });

  test("the server has begun its answer, and reads on before it ends it", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write(CHUNKED);
      await connection.readUntil("0\r\n\r\n");
      await connection.write("0\r\n\r\n");
    });
    const body = new PassThrough();
    const exchange = record(trailerAgent(limits), server.origin, { method: "POST", body });
    await exchange.answered;
    for (const piece of ["a", "b", "c", "d", "e", "f"]) {
      body.write(piece);
      await pause(SHORT);
    }
    body.end();
    expect((await exchange.ended).error).toBeUndefined();
  });

  test("the reader pauses for longer than that", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write(`${CHUNKED}2\r\nab\r\n`);
      await pause(400);
      await connection.write("0\r\n\r\n");
    });
    const exchange = record(trailerAgent({ headersTimeout: 5_000, bodyTimeout: 200 }), server.origin, {
      onHead: (controller) => controller.pause(),
    });
    await exchange.answered;
    await pause(450);
    expect(exchange.recording.ends).toBe(0);
    exchange.controller.resume();
    expect((await exchange.ended).error).toBeUndefined();
  });
});
