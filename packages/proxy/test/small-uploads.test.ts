import { rawClient, rawServer } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { ask, proxyServer } from "./peers.ts";

const HEAD = "PUT / HTTP/1.1\r\nHost: a\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n";
const CONTENT = "5\r\nhello\r\n6\r\n world\r\n0\r\nX-T: one\r\n\r\n";

test("an upload that comes in one piece is forwarded in one, its trailers too", async () => {
  const pieces: string[] = [];
  const origin = await rawServer(({ socket }) => {
    socket.on("data", (bytes: Buffer) => {
      pieces.push(bytes.toString("latin1"));
      socket.write("HTTP/1.1 204 No Content\r\n\r\n");
    });
  });
  const { port } = await proxyServer({ target: origin.origin, requestTrailers: "declared" });
  expect((await ask(port, HEAD + CONTENT)).startLine).toMatch(/ 204 /);
  expect(pieces).toEqual([expect.stringMatching(/\r\n\r\nb\r\nhello world\r\n0\r\nX-T: one\r\n\r\n$/)]);
});

test.each([
  ["in its first chunk", "5\r\nhello_!"],
  ["after a chunk", "5\r\nhello\r\nno chunk\r\n"],
  ["in its trailers", "5\r\nhello\r\n0\r\nX T: one\r\n\r\n"],
])(
  "an upload that comes in one piece and is malformed %s is refused, and never looks whole",
  async (_where, content) => {
    const received: string[] = [];
    const origin = await rawServer(async (connection) => {
      await connection.readToEnd();
      received.push(connection.received.toString("latin1"));
    });
    const { port, records } = await proxyServer({ target: origin.origin });
    expect((await ask(port, HEAD + content)).startLine).toMatch(/ 400 /);
    await expect.poll(() => records.length).toBe(1);
    await expect.poll(() => received.length).toBe(origin.connections.length);
    for (const request of received) expect(request).not.toContain("0\r\n\r\n");
  },
);

test("requests that come in one piece with their content are answered in their order", async () => {
  const origin = await rawServer(({ socket }) => {
    socket.on("data", (bytes: Buffer) => {
      const name = /PUT \/(\d) /.exec(bytes.toString("latin1"))?.[1];
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${name}`);
    });
  });
  const { port } = await proxyServer({ target: origin.origin });
  const client = await rawClient(port);
  await client.write([1, 2, 3].map((name) => HEAD.replace("/", `/${name}`) + CONTENT).join(""));
  await client.readUntil("\r\n\r\n3");
  const answers = client.received.toString("latin1").match(/\r\n\r\n\d/g);
  expect(answers).toEqual(["\r\n\r\n1", "\r\n\r\n2", "\r\n\r\n3"]);
});
