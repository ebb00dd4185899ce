import { createServer } from "node:http";
import type { Socket } from "node:net";

import {
  listen,
  type Listening,
  rawClient,
  type RawConnection,
  rawHttp2Client,
  requestFields,
} from "@trailsum/testkit";
import { Agent } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";

import { FRONTS, proxyServer, readMessage } from "./peers.ts";

/** An origin that authenticates connections in two steps, as NTLM does, and answers with who the connection belongs to. */
async function authenticatingOrigin(): Promise<Listening> {
  const challenged = new WeakSet<Socket>();
  const users = new WeakMap<Socket, string>();
  const server = createServer((request, response) => {
    const [scheme, token = ""] = (request.headers.authorization ?? "").split(" ");
    if (token === "begin") {
      challenged.add(request.socket);
      response.writeHead(401, { "www-authenticate": `${scheme} challenge` }).end("challenge");
    } else if (token !== "" && challenged.has(request.socket)) users.set(request.socket, token);
    if (!response.writableEnded) response.end(users.get(request.socket) ?? "nobody");
  });
  return listen(server);
}

async function ask(client: RawConnection, authorization?: string): Promise<string> {
  const from = client.received.length;
  const field = authorization === undefined ? "" : `Authorization: ${authorization}\r\n`;
  await client.write(`GET / HTTP/1.1\r\nHost: a\r\n${field}\r\n`);
  return (await readMessage(client, { from })).body.toString();
}

describe.each(FRONTS)("a proxy %s, where an origin authenticates connections", (_front, listening) => {
  test.each(["NTLM", "Negotiate", "negotiate"])(
    "lets one client alone use what it authenticated: %s",
    async (scheme) => {
      const origin = await authenticatingOrigin();
      const { port } = await listening({ target: origin.origin });
      const [alice, bob] = [await rawClient(port), await rawClient(port)];
      expect([await ask(bob), await ask(alice)]).toEqual(["nobody", "nobody"]);
      expect(await ask(alice, `${scheme} begin`)).toBe("challenge");
      expect(await ask(bob)).toBe("nobody");
      expect(await ask(alice, `${scheme} alice`)).toBe("alice");
      expect([await ask(bob), await ask(alice), await ask(bob)]).toEqual(["nobody", "alice", "nobody"]);
      alice.end();
      await alice.readToEnd();
      const carol = await rawClient(port);
      expect(await ask(carol)).toBe("nobody");
      await expect.poll(() => origin.connections()).toBe(1);
      bob.end();
      carol.end();
    },
  );

  test("stays with the target that the client authenticated to", async () => {
    const origins = await Promise.all([authenticatingOrigin(), authenticatingOrigin(), authenticatingOrigin()]);
    const { port } = await listening({ target: origins.map(({ origin }) => origin) });
    const alice = await rawClient(port);
    expect([await ask(alice, "NTLM begin"), await ask(alice, "NTLM alice"), await ask(alice)]).toEqual([
      "challenge",
      "alice",
      "alice",
    ]);
    alice.end();
  });

  test("with a dispatcher of the user's, closes the connection that was authenticated", async () => {
    const origin = await authenticatingOrigin();
    const dispatcher = new Agent({ connections: 1 });
    onTestFinished(() => dispatcher.close());
    const { port } = await listening({ target: origin.origin, dispatcher });
    const [alice, bob] = [await rawClient(port), await rawClient(port)];
    await ask(alice, "Negotiate begin");
    expect(await ask(alice, "Negotiate alice")).toBe("nobody");
    expect(await ask(bob)).toBe("nobody");
    alice.end();
    bob.end();
  });

  test("lets clients share connections with other schemes", async () => {
    const origin = await authenticatingOrigin();
    const { port } = await listening({ target: origin.origin });
    const [alice, bob] = [await rawClient(port), await rawClient(port)];
    await ask(alice, "Basic YTpi");
    await ask(bob);
    expect(origin.connections()).toBe(1);
    alice.end();
    bob.end();
  });
});

test("the streams of an HTTP/2 connection share what it authenticated", async () => {
  const origin = await authenticatingOrigin();
  const { port } = await proxyServer({ target: origin.origin });
  const [alice, bob] = [await rawHttp2Client(port), await rawHttp2Client(port)];
  const get = async (peer: typeof alice, authorization?: string): Promise<string> => {
    const fields = authorization === undefined ? [] : [["authorization", authorization] as const];
    const stream = await peer.request(requestFields("GET", "/", fields), { endStream: true });
    await stream.untilEnd();
    return stream.data.toString();
  };
  expect([await get(alice, "NTLM begin"), await get(alice, "NTLM alice")]).toEqual(["challenge", "alice"]);
  expect([await get(bob), await get(alice)]).toEqual(["nobody", "alice"]);
  for (const { connection } of [alice, bob]) {
    connection.end();
    await connection.closed;
  }
});
