import {
  type ParsedMessage,
  type RawConnection,
  rawClient,
  type RawServer,
  rawServer,
  httpServer,
} from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { proxyServer, readMessage } from "./peers.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const CHUNKED = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

const MALFORMED: readonly (readonly [what: string, request: string, status: string])[] = [
  ["no request line", "nonsense\r\n\r\n", "400 Bad Request"],
  ["no HTTP at all", "\x16\x03\x01\x02\0\x01", "400 Bad Request"],
  ["two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", "400 Bad Request"],
  ["a target that is too long", `GET /${"a".repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, "414 URI Too Long"],
  ["an unknown expectation", "PUT / HTTP/1.1\r\nHost: a\r\nExpect: gold\r\n\r\n", "417 Expectation Failed"],
  [
    "a head that is too large",
    `GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(20_000)}\r\n\r\n`,
    "431 Request Header Fields Too Large",
  ],
  ["another transfer coding", CHUNKED.replace("chunked", "gzip, chunked"), "501 Not Implemented"],
  ["another version", "GET / HTTP/3.0\r\nHost: a\r\n\r\n", "505 HTTP Version Not Supported"],
];

/** The refusal that is the last thing on a connection, which ends after it without a reset. */
async function refusal(client: RawConnection, from = 0): Promise<ParsedMessage> {
  const message = await readMessage(client, { from });
  await client.readToEnd();
  expect(client.error).toBeUndefined();
  expect([message.complete, client.received.length - from]).toEqual([
    true,
    client.received.indexOf("\r\n\r\n", from) + 4 + message.body.length - from,
  ]);
  return message;
}

function expectProblem({ startLine, fieldLines, body }: ParsedMessage, status: string): void {
  expect(startLine).toBe(`HTTP/1.1 ${status}`);
  expect(fieldLines).toContain("Content-Type: application/problem+json");
  expect(fieldLines).toContain("Connection: close");
  expect(JSON.parse(body.toString())).toMatchObject({ status: Number(status.slice(0, 3)) });
}

describe.each(MALFORMED)("a request with %s", (_what, request, status) => {
  test(`is answered with ${status}, the connection is closed, and the origin hears nothing of it`, async () => {
    const origin = await rawServer(() => {});
    const { port, records } = await proxyServer({ target: origin.origin });
    const client = await rawClient(port);
    await client.write(request);
    expectProblem(await refusal(client), status);
    expect([origin.connections.length, records]).toEqual([0, []]);
  });

  test("after another is refused when that one has been answered", async () => {
    const asked = Promise.withResolvers<() => void>();
    const origin = await httpServer((_request, response) => asked.resolve(() => response.end("first")));
    const { port } = await proxyServer({ target: origin.origin });
    const client = await rawClient(port);
    await client.write(GET + request);
    const answer = await asked.promise;
    expect(client.received.length).toBe(0);
    answer();
    const { length } = await client.readUntil("first");
    expectProblem(await refusal(client, length), status);
  });
});

test("a refused client that keeps sending has its answer, and what it sends is read for a while", async () => {
  const { port } = await proxyServer({ target: "http://127.0.0.1:1" });
  const client = await rawClient(port);
  await client.write("nonsense\r\n\r\n");
  for (let turn = 0; turn < 20; turn += 1) await client.write(Buffer.alloc(65_536));
  expect((await refusal(client)).startLine).toBe("HTTP/1.1 400 Bad Request");
});

const BAD_CONTENT: readonly (readonly [what: string, content: string, status: string])[] = [
  ["an invalid chunk size", "5\r\nhello\r\nxyz\r\n", "400 Bad Request"],
  ["a chunk that is longer than its size", "5\r\nhello!!\r\n", "400 Bad Request"],
  ["too many chunk extensions", `5\r\nhello\r\n5;a=${"b".repeat(20_000)}\r\n`, "413 Payload Too Large"],
  [
    "a trailer section that is too large",
    `5\r\nhello\r\n0\r\nX: ${"a".repeat(20_000)}\r\n\r\n`,
    "431 Request Header Fields Too Large",
  ],
  ["Transfer-Encoding for a trailer", "5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n", "400 Bad Request"],
];

/** An origin that reads until the message is cut short, having answered with this when the content began. */
const reading = (answer = ""): Promise<RawServer> =>
  rawServer(async (connection) => {
    await connection.readUntil("hello");
    if (answer !== "") await connection.write(answer);
    expect((await readMessage(connection)).complete).toBe(false);
  });

describe.each(BAD_CONTENT)("%s, the request being under way,", (_what, content, status) => {
  test(`is answered with ${status} where no response has begun, and aborts the origin's request`, async () => {
    const origin = await reading();
    const { port, records } = await proxyServer({ target: origin.origin });
    const client = await rawClient(port);
    await client.write(CHUNKED + content.slice(0, 8));
    await expect.poll(() => origin.connections[0]?.received.includes("hello")).toBe(true);
    await client.write(content.slice(8));
    expectProblem(await refusal(client), status);
    await origin.finished();
    await expect.poll(() => records.map((record) => record.status)).toEqual([Number(status.slice(0, 3))]);
  });

  test("aborts a response that has begun, and the origin's request too", async () => {
    const origin = await reading("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    const { port, records } = await proxyServer({ target: origin.origin });
    const client = await rawClient(port);
    await client.write(CHUNKED + content.slice(0, 8));
    await client.readUntil("hello");
    await client.readBytes(2);
    await client.write(content.slice(8));
    expect((await client.readToEnd()).toString()).toBe("");
    await origin.finished();
    await expect.poll(() => records.map((record) => record.status)).toEqual([200]);
    expect(records[0]?.error).toBeDefined();
  });
});

test("bad content after a request that has its answer closes the connection, and is not answered again", async () => {
  const origin = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly");
    await connection.readToEnd();
  });
  const { port } = await proxyServer({ target: origin.origin });
  const client = await rawClient(port);
  await client.write(CHUNKED);
  await client.readUntil("early");
  await client.write("5\r\nhello\r\nxyz\r\n");
  expect((await client.readToEnd()).toString()).toBe("");
  expect(client.error).toBeUndefined();
});
