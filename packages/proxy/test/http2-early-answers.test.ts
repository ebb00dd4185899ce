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

describe("an answer to an upload over HTTP/2 that is still under way", () => {
  test.each([
    ["without content", "HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n", 0, undefined],
    ["with content of a length", "HTTP/1.1 413 X\r\nContent-Length: 50000\r\n\r\n", 50_000, undefined],
    ["in chunks", "HTTP/1.1 413 X\r\nTransfer-Encoding: chunked\r\n\r\nc350\r\n", 50_000, "\r\n0\r\n\r\n"],
    [
      "with a trailer",
      "HTTP/1.1 413 X\r\nTransfer-Encoding: chunked\r\n\r\nc350\r\n",
      50_000,
      "\r\n0\r\nMd5: a\r\n\r\n",
    ],
  ])("%s, ends before the stream is reset, and the reset is no error", async (_name, head, length, end = "") => {
    const client = await uploadTo(`${head}${"x".repeat(length)}${end}`);
    const stream = client.stream(1);
    expect(await stream.untilReset()).toBe(errorCodes.NO_ERROR);
    expect([stream.status, stream.ended, stream.data.length]).toEqual([413, true, length]);
    expect(stream.trailers).toEqual(end.includes("Md5") ? [["md5", "a"]] : undefined);
    expect(client.goaway).toBeUndefined();
  });

  test("that breaks off is reset with an error, and has no end", async () => {
    const client = await uploadTo("HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\nsome");
    const stream = client.stream(1);
    expect(await stream.untilReset()).toBe(errorCodes.INTERNAL_ERROR);
    expect([stream.status, stream.ended, stream.data.toString()]).toEqual([200, false, "some"]);
  });
});
