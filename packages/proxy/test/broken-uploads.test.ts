import { type RawConnection, rawClient, rawServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { FRONTS, type Proxied, readMessage } from "./peers.ts";

const CHUNKED =
  "POST / HTTP/1.1\r\nHost: a\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n" +
  "5\r\nhello\r\n6\r\n world\r\n0\r\nX-T: one\r\n\r\n";
const LENGTH = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world";

/** Every place after the head at which a message can be cut. */
function cuts(message: string): number[] {
  const head = message.indexOf("\r\n\r\n") + 4;
  return Array.from({ length: message.length - head }, (_, at) => head + at);
}

describe.each(FRONTS)("a proxy %s:", (_front, proxyServer) => {
  /** A proxy before an origin that reads, and reports whether the message was complete. */
  async function watched(): Promise<Proxied & { received: Promise<boolean>[] }> {
    const received: Promise<boolean>[] = [];
    const origin = await rawServer(async (connection) => {
      const read = readMessage(connection).then(({ complete }) => complete);
      received.push(read);
      await read;
      await connection.readToEnd();
    });
    return { ...(await proxyServer({ target: origin.origin })), received };
  }

  const ENDINGS: readonly (readonly [how: string, end: (client: RawConnection) => void])[] = [
    ["ends its connection", (client) => client.end()],
    ["resets its connection", (client) => client.reset()],
  ];

  describe.each([
    ["chunked, with a trailer", CHUNKED],
    ["of a known length", LENGTH],
  ])("a client that uploads, %s,", (_what, message) => {
    test.each(ENDINGS)("and %s at any byte: the origin never sees a whole message", async (_how, end) => {
      const { port, received, records } = await watched();
      for (const [turn, cut] of cuts(message).entries()) {
        const client = await rawClient(port);
        await client.write(message.slice(0, cut));
        // Without this the request might not have begun.
        await expect.poll(() => received.length, { interval: 1 }).toBe(turn + 1);
        end(client);
        expect(await received[turn], `cut at ${cut}`).toBe(false);
        await client.closed;
      }
      await expect.poll(() => records.length).toBe(cuts(message).length);
      const codes = new Set(records.map(({ error }) => error?.code));
      expect([...codes].filter((code) => code !== "ABORTED" && code !== "CONNECTION_LOST")).toEqual([]);
    });
  });

  test.each([
    ["an invalid chunk size", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n"],
    [
      "a chunk that is too long",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!!\r\n0\r\n\r\n",
    ],
    ["a bare LF in the trailers", CHUNKED.replace("one\r\n", "one\n")],
    ["a Content-Length for a trailer", CHUNKED.replace("X-T: one", "Content-Length: 3")],
    ["a trailer section that is too large", CHUNKED.replace("one", "x".repeat(20_000))],
  ])("a client that sends %s is refused, and the origin sees a broken message", async (_what, message) => {
    const { port, received, records } = await watched();
    const client = await rawClient(port);
    await client.write(message);
    const answer = (await client.readToEnd()).toString();
    expect(answer).toMatch(/^(HTTP\/1\.1 4\d\d |$)/);
    await expect.poll(() => records.length).toBe(1);
    expect(await Promise.all(received)).not.toContain(true);
  });

  test.each([
    ["more fields than allowed", { maxTrailerFields: 1 }, "X-T: one\r\nX-U: two"],
    ["larger ones than allowed", { maxTrailerSize: 20 }, `X-T: ${"x".repeat(30)}`],
  ])(
    "a client that sends trailers, %s, gets 431, and the origin sees a broken message",
    async (_what, options, trailers) => {
      const received = Promise.withResolvers<boolean>();
      const origin = await rawServer(async (connection) => {
        received.resolve((await readMessage(connection)).complete);
      });
      const { port, records } = await proxyServer({ target: origin.origin, requestTrailers: "all", ...options });
      const client = await rawClient(port);
      await client.write(CHUNKED.replace("X-T: one", trailers));
      expect((await client.readHead()).toString()).toMatch(/^HTTP\/1\.1 431 /);
      expect(await received.promise).toBe(false);
      await expect.poll(() => records.map(({ error }) => error?.code)).toEqual(["TRAILERS_TOO_LARGE"]);
    },
  );
});
