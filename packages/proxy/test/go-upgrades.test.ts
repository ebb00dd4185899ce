import { type RawConnection, rawClient, rawServer } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { proxyServer } from "./peers.ts";

const ASK = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\nX-Origin: yes\r\n\r\n";

/** A client and an origin that have switched protocols through a proxy. */
async function joined(): Promise<{ client: RawConnection; peer: RawConnection; done: () => void }> {
  const { promise, resolve } = Promise.withResolvers<RawConnection>();
  const over = Promise.withResolvers<void>();
  const origin = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write(SWITCH);
    resolve(connection);
    await over.promise;
  });
  const { port } = await proxyServer({ target: origin.origin });
  const client = await rawClient(port);
  await client.write(ASK);
  await client.readHead();
  return { client, peer: await promise, done: over.resolve };
}

test("Go 35, rules 34, 51, 53, 54: the 101 carries the origin's fields and modifyResponse's, and bytes go both ways", async () => {
  const origin = await rawServer(async (connection) => {
    const head = (await connection.readHead()).toString();
    expect(head).toMatch(/^Upgrade: websocket\r$/m);
    expect(head).toMatch(/^Connection: upgrade\r$/im);
    await connection.write(SWITCH);
    await connection.write(`you said ${(await connection.readUntil("\n")).toString()}`);
  });
  const { port } = await proxyServer({
    target: origin.origin,
    modifyResponse: (response) => {
      expect(response.status).toBe(101);
      response.header = response.header.with("X-Modified", "true");
    },
  });
  const client = await rawClient(port);
  await client.write(ASK);
  const head = (await client.readHead()).toString();
  expect(head).toContain("HTTP/1.1 101 Switching Protocols\r\n");
  expect(head.match(/^(connection|upgrade|x-origin|x-modified): .*(?=\r)/gim)).toEqual([
    "X-Origin: yes",
    "X-Modified: true",
    "Connection: Upgrade",
    "Upgrade: WebSocket",
  ]);
  await client.write("Hello\n");
  expect((await client.readUntil("\n")).toString()).toBe("you said Hello\n");
  client.end();
  origin.connections[0]!.end();
  await client.readToEnd();
});

test("Go 36, rule 55: a tunnel that is closed while the origin sends ends on both sides, before the final message", async () => {
  const { client, peer, done } = await joined();
  await peer.write("line 1\n");
  await client.readUntil("line 1\n");
  client.reset();
  await peer.readToEnd();
  await peer.write("final").catch(() => {});
  done();
  expect(client.received.toString()).not.toContain("final");
});

describe("Go 37, rule 56: half a tunnel", () => {
  test("that the origin has ended: the client reads the end, and what it sends still arrives", async () => {
    const { client, peer, done } = await joined();
    peer.end("last words");
    expect((await client.readToEnd()).toString()).toBe("last words");
    await client.write("still here");
    expect((await peer.readUntil("still here")).toString()).toBe("still here");
    client.end();
    await peer.readToEnd();
    done();
  });

  test("that the client has ended: the origin reads the end, and what it sends still arrives", async () => {
    const { client, peer, done } = await joined();
    client.end("last words");
    expect((await peer.readToEnd()).toString()).toBe("last words");
    await peer.write("still here");
    expect((await client.readUntil("still here")).toString()).toBe("still here");
    peer.end();
    await client.readToEnd();
    done();
  });

  test.each(["client", "peer"] as const)("whose %s reads no more: nothing is lost that it sends", async (deaf) => {
    const { done, ...ends } = await joined();
    const speaker = ends[deaf];
    const listener = ends[deaf === "client" ? "peer" : "client"];
    speaker.socket.pause();
    speaker.end("one way");
    expect((await listener.readToEnd()).toString()).toBe("one way");
    listener.end();
    speaker.socket.resume();
    await speaker.readToEnd();
    done();
  });
});

test("Go 39, rule 57: an origin that resets right after its 101 gets no second answer out of the proxy", async () => {
  const origin = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write(SWITCH);
    connection.reset();
  });
  const { port, records } = await proxyServer({
    target: origin.origin,
    errorHandler: () => expect.unreachable("the protocol has been switched"),
  });
  const client = await rawClient(port);
  await client.write(ASK);
  const received = (await client.readToEnd()).toString();
  client.end();
  expect(received.match(/HTTP\/1\.1/g)?.length).toBe(1);
  await expect.poll(() => records.map(({ status }) => status)).toEqual([101]);
});
