import { certificate, FeedSource, type RawConnection, rawServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { trailerAgent } from "../agent/side-by-side.ts";
import { content, record } from "./recording.ts";

const REASON = "too large, ".repeat(3_000);

const answers: readonly (readonly [name: string, bytes: string])[] = [
  ["a length", `HTTP/1.1 413 Content Too Large\r\nContent-Length: ${REASON.length}\r\n\r\n${REASON}`],
  [
    "a length and Connection: close",
    `HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: ${REASON.length}\r\n\r\n${REASON}`,
  ],
  [
    "chunks",
    `HTTP/1.1 413 Content Too Large\r\nTransfer-Encoding: chunked\r\n\r\n${REASON.length.toString(16)}\r\n${REASON}\r\n0\r\n\r\n`,
  ],
];

const closings: readonly (readonly [name: string, close: (connection: RawConnection) => unknown])[] = [
  ["reads on", ({ socket }) => socket.resume()],
  ["half-closes and reads on", ({ socket }) => socket.resume().end()],
  ["half-closes and reads no more", ({ socket }) => socket.end()],
  ["closes with bytes unread", ({ socket }) => socket.destroy()],
];

/** Far more than fits between a sender and a receiver that does not read. */
const MUCH = 256 * 1_048_576;

const bodies: readonly (readonly [name: string, make: (source: FeedSource) => unknown])[] = [
  ["a stream", (source) => source],
  ["an async iterable", (source) => source[Symbol.asyncIterator]()],
];

describe.each([
  ["http", false],
  ["https", true],
])("over %s, the server answers 413 before it has read the body", (_scheme, secure) => {
  describe.each(closings)("and %s", (_closing, close) => {
    test.each(answers.flatMap(([answer, bytes]) => bodies.map(([body, make]) => [answer, body, bytes, make] as const)))(
      "an answer with %s, to %s",
      async (_answer, _body, bytes, make) => {
        const tls = secure ? await certificate() : undefined;
        const server = await rawServer(
          async (connection) => {
            await connection.readHead();
            connection.socket.pause();
            await connection.write(bytes);
            await close(connection);
          },
          tls === undefined ? {} : { tls },
        );
        const source = new FeedSource();
        source.offer(MUCH);
        const agent = trailerAgent(tls === undefined ? {} : { connect: { ca: tls.cert } });
        const { ended } = record(agent, server.origin, {
          method: "PUT",
          body: make(source),
          trailers: () => ({ Md5: "a" }),
        });
        const heard = await ended;
        expect({ ...heard, body: content(heard) === REASON }).toMatchObject({
          error: undefined,
          status: 413,
          body: true,
          trailers: [],
        });
        expect(source.destroyed).toBe(true);
        expect(source.produced).toBeLessThan(MUCH / 4);
        // Dropped, so that the server is not kept waiting for the rest.
        server.connections[0]!.socket.resume();
        await server.connections[0]!.readToEnd();
      },
    );
  });
});

test("the server answers 413 to a body in memory and resets: the answer is heard, and no more is sent", async () => {
  const server = await rawServer(async (connection) => {
    await connection.readHead();
    connection.socket.pause();
    await connection.write(answers[0]![1]);
    connection.destroy();
  });
  let sent = 0;
  const heard = await record(trailerAgent(), server.origin, {
    method: "PUT",
    body: Buffer.alloc(MUCH / 4),
    onSent: (piece) => {
      sent += piece.length;
    },
  }).ended;
  expect({ status: heard.status, error: heard.error }).toEqual({ status: 413, error: undefined });
  expect(sent).toBeLessThan(MUCH / 8);
});

test.each([
  ["307", "HTTP/1.1 307 Temporary Redirect\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"],
  ["401", "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"],
  ["a whole 200", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"],
])("the server answers with %s before it has read the body: its connection is not used again", async (_name, bytes) => {
  const server = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write(bytes);
  });
  const agent = trailerAgent({ connections: 1 });
  const source = new FeedSource();
  source.offer(65_536);
  const first = await record(agent, server.origin, { method: "PUT", body: source }).ended;
  expect(first.error).toBeUndefined();
  expect(source.destroyed).toBe(true);
  const second = await record(agent, server.origin).ended;
  expect(second.error).toBeUndefined();
  expect(server.connections).toHaveLength(2);
  const cut = await server.connections[0]!.readToEnd();
  expect(cut.toString("latin1")).not.toContain("\r\n0\r\n");
});

test("the server never answers, and resets: that is an error, and not a second try", async () => {
  const server = await rawServer(async (connection) => {
    await connection.readHead();
    connection.socket.pause();
    connection.destroy();
  });
  const source = new FeedSource();
  source.offer(MUCH);
  const { error, trailers } = await record(trailerAgent(), server.origin, { method: "PUT", body: source }).ended;
  expect(error).toBeInstanceOf(Error);
  expect(trailers).toBeUndefined();
  expect(server.connections).toHaveLength(1);
});
