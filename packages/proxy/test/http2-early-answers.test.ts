import { errorCodes, rawHttp2Client, rawServer, requestFields } from "@trailsum/testkit";
import { describe, expect, onTestFinished, test } from "vitest";

import { createProxyServer } from "../src/index.ts";

/** Uploads over HTTP/2 to an origin that answers at the first byte of content, whatever else is to come. */
async function uploadTo(answer: string): Promise<Awaited<ReturnType<typeof rawHttp2Client>>> {
  const { origin } = await rawServer(async (connection) => {
    await connection.readUntil("first");
    connection.end(answer);
  });
  const server = createProxyServer({ target: origin, listen: { port: 0 } });
  const { port } = await server.listen();
  onTestFinished(() => server.close({ graceMs: 0 }));
  const client = await rawHttp2Client(port);
  const stream = await client.request(requestFields("PUT", "/"));
  await stream.body("first");
  return client;
}

const answers: readonly (readonly [head: string, length: number, end: string])[] = [
  ["HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n", 0, ""],
  ["HTTP/1.1 413 X\r\nContent-Length: 50000\r\n\r\n", 50_000, ""],
  ["HTTP/1.1 413 X\r\nTransfer-Encoding: chunked\r\n\r\nc350\r\n", 50_000, "\r\n0\r\n\r\n"],
  ["HTTP/1.1 413 X\r\nTransfer-Encoding: chunked\r\n\r\nc350\r\n", 50_000, "\r\n0\r\nMd5: a\r\n\r\n"],
];

describe("an answer to an upload over HTTP/2 that is still under way", () => {
  test("ends before the stream is reset, and the reset is not an error", async () => {
    const clients = await Promise.all(
      answers.map(([head, length, end]) => uploadTo(`${head}${"x".repeat(length)}${end}`)),
    );
    const reported = clients.map(async (client) => {
      const stream = client.stream(1);
      await stream.untilEnd();
      const code = await stream.untilReset();
      return [stream.status, stream.data.length, stream.trailers, code, client.goaway];
    });
    const expected = answers.map(([, length, end]) => {
      return [413, length, end.includes("Md5") ? [["md5", "a"]] : undefined, errorCodes.NO_ERROR, undefined];
    });
    expect(await Promise.all(reported)).toEqual(expected);
  });

  test("is followed by no reset where the rest comes in time, which is read and forgotten", async () => {
    const client = await uploadTo("HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n");
    const stream = client.stream(1);
    await stream.untilEnd();
    await stream.body(Buffer.alloc(8_000_000), { endStream: true });
    await client.ping();
    expect(stream.resetCode).toBeUndefined();
  });

  test("that aborts is reset with an error, and has no end", async () => {
    const client = await uploadTo("HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\nsome");
    const stream = client.stream(1);
    expect(await stream.untilReset()).toBe(errorCodes.INTERNAL_ERROR);
    expect([stream.status, stream.ended, stream.data.toString()]).toEqual([200, false, "some"]);
  });
});
