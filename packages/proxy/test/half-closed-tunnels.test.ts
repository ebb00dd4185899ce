import { type RawConnection, rawClient, rawServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { FRONTS } from "./peers.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ASK = `GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ${KEY}\r\n\r\n`;
// The key and the answer to it are those of RFC 6455 section 1.3.
const SWITCH = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n`;

describe.each(FRONTS)("a tunnel through a proxy %s, of which one side has ended,", (_front, listening) => {
  /** Both ends of a tunnel whose half-closed state is limited to this. */
  async function tunnel(
    halfCloseTimeout: number,
  ): Promise<{ client: RawConnection; peer: RawConnection; ended: () => number }> {
    const switched = Promise.withResolvers<RawConnection>();
    const origin = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write(SWITCH);
      switched.resolve(connection);
    });
    const { port, records } = await listening({ target: origin.origin, halfCloseTimeout });
    const client = await rawClient(port);
    await client.write(ASK);
    await client.readHead();
    return { client, peer: await switched.promise, ended: () => records.length };
  }

  test.each(["client", "origin"] as const)("the %s's, is closed when the other sends nothing", async (side) => {
    const { client, peer, ended } = await tunnel(50);
    const [first, second] = side === "client" ? [client, peer] : [peer, client];
    first.end();
    await second.readToEnd();
    await expect.poll(ended).toBe(1);
    second.end();
  });

  test("stays while the other sends", async () => {
    const { client, peer, ended } = await tunnel(200);
    client.end();
    for (let turn = 1; turn < 12; turn += 1) {
      await peer.write(`tick ${turn} `);
      await client.readUntil(`tick ${turn} `);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(ended()).toBe(0);
    peer.end();
    await client.readToEnd();
    await expect.poll(ended).toBe(1);
  });
});
