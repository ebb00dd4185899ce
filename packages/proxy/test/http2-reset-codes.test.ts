import { errorCodes, type Http2Peer, rawHttp2Client, requestFields } from "@trailsum/testkit";
import { describe, expect, onTestFinished, test } from "vitest";

import { ask, proxyServer, streamServer } from "./peers.ts";

const GRPC = [["content-type", "application/grpc"]] as const;
const { CANCEL, INTERNAL_ERROR, REFUSED_STREAM, ENHANCE_YOUR_CALM, INADEQUATE_SECURITY, PROTOCOL_ERROR, NO_ERROR } =
  errorCodes;

/** A client of a proxy whose origin resets every stream with this code, after its head or before. */
async function before(code: number, head: boolean): Promise<Http2Peer & { readonly port: number }> {
  const origin = await streamServer(async (stream) => {
    if (head) await stream.headers([[":status", "200"]]);
    if (head) await stream.body("some");
    await stream.reset(code);
  });
  const { port } = await proxyServer({ target: origin.origin, agent: { useH2c: true } });
  const client = await rawHttp2Client(port);
  onTestFinished(async () => {
    client.connection.end();
    await client.connection.closed;
  });
  return Object.assign(client, { port });
}

describe("a stream that an origin resets", () => {
  test.each([CANCEL, INTERNAL_ERROR, ENHANCE_YOUR_CALM, INADEQUATE_SECURITY, 99])(
    "after its head with %i is reset with that",
    async (code) => {
      const client = await before(code, true);
      const stream = await client.request(requestFields("GET", "/"), { endStream: true });
      expect([await stream.untilReset(), stream.status]).toEqual([code, 200]);
    },
  );

  test.each([CANCEL, INTERNAL_ERROR, REFUSED_STREAM, ENHANCE_YOUR_CALM, INADEQUATE_SECURITY])(
    "before its head with %i is reset with that for gRPC",
    async (code) => {
      const client = await before(code, false);
      const stream = await client.request(requestFields("POST", "/", GRPC));
      expect([await stream.untilReset(), stream.status]).toEqual([code, undefined]);
    },
  );

  test.each([
    [CANCEL, CANCEL],
    [REFUSED_STREAM, REFUSED_STREAM],
    [INTERNAL_ERROR, 502],
  ])("before its head with %i is %i for other clients of HTTP/2", async (code, expected) => {
    const client = await before(code, false);
    const stream = await client.request(requestFields("GET", "/"), { endStream: true });
    expect(await client.until(() => stream.resetCode ?? stream.status, "an answer")).toBe(expected);
  });

  test.each([PROTOCOL_ERROR, NO_ERROR])(
    "with %i, which is about the connection, is an internal error",
    async (code) => {
      const client = await before(code, true);
      const stream = await client.request(requestFields("GET", "/"), { endStream: true });
      expect(await stream.untilReset()).toBe(INTERNAL_ERROR);
    },
  );

  test("before its head is 502 for a client of HTTP/1.1", async () => {
    const { port } = await before(CANCEL, false);
    expect((await ask(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")).startLine).toContain(" 502 ");
  });
});

test("a stream that a client cancels is cancelled at the origin", async () => {
  const origin = await streamServer(async (stream) => void (await stream.untilReset()));
  const { port } = await proxyServer({ target: origin.origin, agent: { useH2c: true } });
  const client = await rawHttp2Client(port);
  const stream = await client.request(requestFields("POST", "/", GRPC));
  await stream.body("some");
  await expect.poll(() => origin.peers[0]?.streams.get(1)?.data.toString()).toBe("some");
  await stream.reset(CANCEL);
  await expect.poll(() => origin.peers[0]!.stream(1).resetCode).toBe(CANCEL);
  client.connection.end();
  await client.connection.closed;
});
