import { errorCodes, parseMessage, rawClient, rawHttp2Client, rawServer, requestFields } from "@trailsum/testkit";
import { expect, onTestFinished, test } from "vitest";

import { createProxyServer, type VerificationMode } from "../src/index.ts";

/** A proxy before an origin of HTTP/1.1 that answers everything with this. */
async function proxyBefore(response: string, verify: VerificationMode = "off"): Promise<number> {
  const origin = await rawServer(async (connection) => {
    for (;;) {
      await connection.readHead();
      await connection.write(response);
    }
  });
  const proxy = createProxyServer({ target: origin.origin, listen: { port: 0 }, verify });
  onTestFinished(() => proxy.close());
  return (await proxy.listen()).port;
}

test.each([
  ["600", "Content-Length: 4\r\n\r\nfine"],
  ["999", "Content-Length: 4\r\n\r\nfine"],
  ["999", "Content-Length: 0\r\n\r\n"],
])("the status %s, which HTTP/2 does not have, is a 502 to its clients (%j)", async (status, rest) => {
  const port = await proxyBefore(`HTTP/1.1 ${status} Odd\r\n${rest}`);
  const peer = await rawHttp2Client(port);
  for (const path of ["/one", "/two"]) {
    const stream = await peer.request(requestFields("GET", path), { endStream: true });
    await stream.untilEnd();
    expect(stream.status).toBe(502);
  }
  peer.connection.destroy();
});

test.each(["Content-Length: 0\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\nx: y\r\n\r\n"])(
  "where responses are verified, their stream is reset (%j)",
  async (rest) => {
    const port = await proxyBefore(`HTTP/1.1 999 Odd\r\n${rest}`, "enforce");
    const peer = await rawHttp2Client(port);
    for (const path of ["/one", "/two"]) {
      const stream = await peer.request(requestFields("GET", path), { endStream: true });
      expect(await stream.untilReset()).toBe(errorCodes.INTERNAL_ERROR);
    }
    peer.connection.destroy();
  },
);

test("the status 999 passes as it is by HTTP/1.1", async () => {
  const port = await proxyBefore("HTTP/1.1 999 Odd\r\nContent-Length: 4\r\n\r\nfine");
  const client = await rawClient(port);
  await client.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  expect(parseMessage(await client.readToEnd())).toMatchObject({ startLine: "HTTP/1.1 999 Odd", complete: true });
});
