import { type RawConnection, rawServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { trailerAgent } from "../agent/side-by-side.ts";
import { content, record } from "./recording.ts";

const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const BODY = "x".repeat(300_000);

const responses: readonly (readonly [name: string, bytes: string])[] = [
  ["content until the end", `HTTP/1.1 200 OK\r\n\r\n${BODY}`],
  ["a length", `HTTP/1.1 200 OK\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`],
  ["chunks and trailers", `${CHUNKED}${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\nMd5: a\r\n\r\n`],
  ["many chunks", `${CHUNKED}${`64\r\n${"x".repeat(100)}\r\n`.repeat(3_000)}0\r\nMd5: a\r\n\r\n`],
  ["little content until the end", "HTTP/1.1 200 OK\r\n\r\nx"],
];

/** Settles once the peer has all that was sent, its end too: what it does not read lies in its socket. */
async function endTaken(connection: RawConnection): Promise<void> {
  await new Promise<void>((resolve) => {
    if (connection.socket.writableFinished) resolve();
    else connection.socket.once("finish", resolve);
  });
  await new Promise((resolve) => setTimeout(resolve, 30));
}

describe("the server closes after its response, while the reader pauses:", () => {
  test.each(responses)("nothing is lost of %s, paused from the head on", async (_name, bytes) => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      connection.end(bytes);
    });
    const exchange = record(trailerAgent(), server.origin, { onHead: (controller) => controller.pause() });
    await exchange.answered;
    await endTaken(server.connections[0]!);
    expect(exchange.recording).toMatchObject({ pieces: [], trailers: undefined, ends: 0 });
    exchange.controller.resume();
    const heard = await exchange.ended;
    expect(heard.error).toBeUndefined();
    expect(heard.trailers).toEqual(bytes.includes("Md5") ? ["Md5", "a"] : []);
    expect(content(heard)).toMatch(/^x+$/);
    expect(content(heard).length).toBe(bytes.length < 100 ? 1 : BODY.length);
  });

  test.each(responses)("nothing is lost of %s, paused at every piece", async (_name, bytes) => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      connection.end(bytes);
    });
    const heard = await record(trailerAgent(), server.origin, {
      onData: (controller) => {
        controller.pause();
        setImmediate(() => controller.resume());
      },
    }).ended;
    expect(heard.error).toBeUndefined();
    expect(heard.trailers).toBeDefined();
    expect(content(heard).length).toBe(bytes.length < 100 ? 1 : BODY.length);
  });

  test("its connection is not used again, for its end was seen", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      connection.end("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    });
    const agent = trailerAgent({ connections: 1 });
    const exchange = record(agent, server.origin, { onHead: (controller) => controller.pause() });
    await exchange.answered;
    await endTaken(server.connections[0]!);
    exchange.controller.resume();
    expect(content(await exchange.ended)).toBe("hello");
    // One that could not be sent a second time.
    expect((await record(agent, server.origin, { method: "POST" }).ended).error).toBeUndefined();
    expect(server.connections).toHaveLength(2);
  });

  test("a response that is cut is still cut", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      connection.end(`${CHUNKED}5\r\nhello\r\n0\r\nMd5: a\r\n`);
    });
    const exchange = record(trailerAgent(), server.origin, { onHead: (controller) => controller.pause() });
    await exchange.answered;
    await endTaken(server.connections[0]!);
    exchange.controller.resume();
    const heard = await exchange.ended;
    expect(heard).toMatchObject({ error: { code: "UND_ERR_SOCKET" }, trailers: undefined, ends: 1 });
    expect(content(heard)).toBe("hello");
  });
});

test.each(["onHead", "onData"] as const)(
  "a reader that pauses (%s) as a message ends leaves the next one alone",
  async (moment) => {
    const server = await rawServer(async (connection) => {
      for (const answer of ["first", "other"]) {
        await connection.readHead();
        await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n${answer}`);
      }
    });
    const agent = trailerAgent({ connections: 1 });
    const first = record(agent, server.origin, {
      [moment]: (controller: { pause(): void; resume(): void }) => {
        controller.pause();
        if (moment === "onHead") setImmediate(() => controller.resume());
      },
    });
    expect(content(await first.ended)).toBe("first");
    expect(content(await record(agent, server.origin).ended)).toBe("other");
    expect(server.connections).toHaveLength(1);
  },
);
