import { errorCodes, goawayFrame, type Http2Peer, rawHttp2Client, requestFields } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { ask, FRONTS, proxyServer, streamServer } from "./peers.ts";

const POST = (content: string): string =>
  `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${content.length.toString(16)}\r\n${content}\r\n0\r\n\r\n`;

/** An origin that refuses the first stream in this way once `size` bytes of its content have come, and serves the others. */
function refusing(
  refuse: (peer: Http2Peer, id: number) => Promise<void>,
  size: number,
): ReturnType<typeof streamServer> {
  let refused = false;
  return streamServer(async (stream, peer) => {
    if (!refused) {
      refused = true;
      await stream.untilData(size);
      await refuse(peer, stream.id);
    } else {
      await stream.untilEnd();
      await stream.headers([[":status", "200"]]);
      await stream.body(stream.data, { endStream: true });
    }
  });
}

const REFUSALS: readonly (readonly [what: string, refuse: (peer: Http2Peer, id: number) => Promise<void>])[] = [
  ["GOAWAY with a lower stream", (peer) => peer.send(goawayFrame(0))],
  ["REFUSED_STREAM", (peer, id) => peer.stream(id).reset(errorCodes.REFUSED_STREAM)],
];

describe.each(FRONTS)("a proxy %s:", (_front, listening) => {
  test.each(REFUSALS)("a POST that the origin refused with %s is sent again", async (_what, refuse) => {
    const origin = await refusing(refuse, 4);
    const { port } = await listening({ target: origin.origin, agent: { useH2c: true } });
    const { startLine, body } = await ask(port, POST("body"));
    expect([startLine, body.toString()]).toEqual(["HTTP/1.1 200 OK", "body"]);
  });
});

describe.each(REFUSALS)("after %s", (_what, refuse) => {
  test.each(["off", "enforce"] as const)("content that is half sent goes again, verification %s", async (verify) => {
    const origin = await refusing(refuse, 4);
    const { port } = await proxyServer({ target: origin.origin, agent: { useH2c: true }, verify });
    const client = await rawHttp2Client(port);
    const stream = await client.request(requestFields("POST", "/"));
    await stream.body("half");
    await expect.poll(() => origin.peers.reduce((count, { streams }) => count + streams.size, 0)).toBe(2);
    await stream.body(" and the rest", { endStream: true });
    await stream.untilEnd();
    expect([stream.status, stream.data.toString()]).toEqual([200, "half and the rest"]);
    client.connection.end();
    await client.connection.closed;
  });

  test("content beyond the replay buffer: an HTTP/2 client may send it again", async () => {
    const origin = await refusing(refuse, 11);
    const { port } = await proxyServer({ target: origin.origin, agent: { useH2c: true }, replayBuffer: 10 });
    const client = await rawHttp2Client(port);
    const refused = await client.request(requestFields("POST", "/"));
    await refused.body("eleven bytes");
    expect(await refused.untilReset()).toBe(errorCodes.REFUSED_STREAM);
    const again = await client.request(requestFields("POST", "/"));
    await again.body("eleven bytes", { endStream: true });
    await again.untilEnd();
    expect(again.status).toBe(200);
    client.connection.end();
    await client.connection.closed;
  });

  test("content beyond the replay buffer: an HTTP/1.1 client gets 503", async () => {
    const origin = await refusing(refuse, 4);
    const { port } = await proxyServer({ target: origin.origin, agent: { useH2c: true }, replayBuffer: 0 });
    const half = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf";
    expect((await ask(port, half)).startLine).toContain(" 503 ");
  });
});

test("a request that the origin always refuses is given up", async () => {
  const origin = await streamServer((stream) => stream.reset(errorCodes.REFUSED_STREAM));
  const { port } = await proxyServer({ target: origin.origin, agent: { useH2c: true } });
  expect((await ask(port, POST("body"))).startLine).toContain(" 503 ");
});
