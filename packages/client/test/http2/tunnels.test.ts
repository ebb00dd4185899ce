import type { IncomingMessage } from "node:http";
import { createSecureServer } from "node:http2";
import type { Socket } from "node:net";
import { text } from "node:stream/consumers";

import { certificate, errorCodes, type Http2Stream, listen, rawHttp2Server } from "@trailsum/testkit";
import { WebSocket } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";

import { TrailerAgent } from "../../src/index.ts";
import { http2Agent, send } from "./exchanging.ts";

const SWITCHED = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
const EXTENDED = { settings: { ENABLE_CONNECT_PROTOCOL: 1 } };
const upgrade = { upgrade: "websocket", path: "/chat", headers: { "sec-websocket-version": "13" } } as const;
const connect = { method: "CONNECT", path: "example.org:443" } as const;

/** Each with what its request is on the wire, besides fields of its own. */
const kinds = [
  [
    "CONNECT",
    connect,
    [
      [":method", "CONNECT"],
      [":authority", "example.org:443"],
    ],
  ],
  [
    "WebSocket",
    upgrade,
    [
      [":method", "CONNECT"],
      [":protocol", "websocket"],
      [":scheme", "http"],
      [":authority", expect.any(String)],
      [":path", "/chat"],
    ],
  ],
] as const;

/** A server that takes one stream after the other. */
function tunnelServer(script: (stream: Http2Stream) => Promise<void>): ReturnType<typeof rawHttp2Server> {
  return rawHttp2Server(async (peer) => script(await peer.accept()), EXTENDED);
}

describe.each(kinds)("%s over HTTP/2", (_name, options, pseudo) => {
  test("is a stream both ways, each of which ends separately", async () => {
    const peer = await tunnelServer(async (stream) => {
      await stream.headers([
        [":status", "200"],
        ["x-own", "1"],
      ]);
      await stream.body("hello ");
      await stream.untilData(4);
      await stream.body("you");
      await stream.untilEnd();
      await stream.body(` said ${stream.data.toString()}`, { endStream: true });
    });
    const { status, raw, tunnel } = await send(http2Agent(), peer, options).ended;
    expect([status, raw]).toEqual([200, ["x-own", "1"]]);
    expect(peer.peers[0]!.stream(1).fields!.slice(0, pseudo.length)).toEqual(pseudo);
    const all = text(tunnel!);
    tunnel!.allowHalfOpen = true;
    tunnel!.write("this");
    await expect.poll(() => peer.peers[0]!.stream(1).data.toString()).toBe("this");
    tunnel!.end(" and that");
    expect(await all).toBe("hello you said this and that");
    await peer.finished();
    expect(peer.peers[0]!.stream(1).resetCode).toBeUndefined();
  });

  test("ends when the server does, as undici's users expect", async () => {
    const peer = await tunnelServer(async (stream) => {
      await stream.headers([[":status", "200"]]);
      await stream.body("bye", { endStream: true });
      await stream.untilEnd();
    });
    const { tunnel } = await send(http2Agent(), peer, options).ended;
    expect(await text(tunnel!)).toBe("bye");
    await peer.finished();
  });

  test("that is reset is not a clean end, whatever the code", async () => {
    for (const code of [errorCodes.NO_ERROR, errorCodes.CANCEL, errorCodes.CONNECT_ERROR]) {
      const peer = await tunnelServer(async (stream) => {
        await stream.headers([[":status", "200"]]);
        await stream.body("some");
        await stream.reset(code);
      });
      const { tunnel } = await send(http2Agent(), peer, options).ended;
      await expect(text(tunnel!)).rejects.toThrow(/^(?:HTTP\/2: the stream was reset|Premature close)/);
    }
  });

  test("that is destroyed resets the stream, and ends nothing", async () => {
    const peer = await tunnelServer(async (stream) => {
      await stream.headers([[":status", "200"]]);
      expect([errorCodes.NO_ERROR, errorCodes.CANCEL, errorCodes.INTERNAL_ERROR]).toContain(await stream.untilReset());
      expect(stream.ended).toBe(false);
    });
    for (const error of [undefined, new Error("enough")]) {
      const { tunnel } = await send(http2Agent(), peer, options).ended;
      tunnel!.write("some");
      tunnel!.destroy(error);
    }
    await expect.poll(() => peer.peers.length).toBe(2);
    await peer.finished();
  });

  test("that no one listens to brings no process down when it is reset or its connection is lost", async () => {
    const peer = await tunnelServer(async (stream) => {
      await stream.headers([[":status", "200"]]);
      await stream.reset(errorCodes.INTERNAL_ERROR);
    });
    const { tunnel } = await send(http2Agent(), peer, options).ended;
    await expect.poll(() => tunnel!.destroyed).toBe(true);
    const lost = await tunnelServer(async (stream) => {
      await stream.headers([[":status", "200"]]);
      peer.connections[0]!.reset();
    });
    const agent = http2Agent();
    const { tunnel: other } = await send(agent, lost, options).ended;
    lost.connections[0]!.reset();
    await expect.poll(() => other!.destroyed).toBe(true);
  });

  test("keeps its connection from resting, and closes with the agent", async () => {
    const peer = await tunnelServer(async (stream) => {
      await stream.headers([[":status", "200"]]);
    });
    const agent = http2Agent({ keepAliveTimeout: 10 });
    const { tunnel } = await send(agent, peer, options).ended;
    await new Promise((resolve) => setTimeout(resolve, 100));
    tunnel!.write("still here");
    await expect.poll(() => peer.peers[0]!.stream(1).data.toString()).toBe("still here");
    await agent.destroy();
    await expect.poll(() => tunnel!.destroyed).toBe(true);
  });

  test("has a timeout for its head", async () => {
    const peer = await tunnelServer(async (stream) => {
      expect(await stream.untilReset()).toBe(errorCodes.CANCEL);
    });
    const { error } = await send(http2Agent({ headersTimeout: 50 }), peer, options).ended;
    expect(error).toMatchObject({ code: "UND_ERR_HEADERS_TIMEOUT" });
    await peer.finished();
  });
});

test("CONNECT hands its stream over whatever the answer, as over HTTP/1.1", async () => {
  const peer = await tunnelServer(async (stream) => {
    await stream.headers([[":status", "403"]]);
    await stream.body("no", { endStream: true });
  });
  const { status, tunnel } = await send(http2Agent(), peer, connect).ended;
  expect([status, await text(tunnel!)]).toEqual([403, "no"]);
});

test("an upgrade that is refused is a response like any other", async () => {
  const peer = await tunnelServer(async (stream) => {
    await stream.headers([[":status", "403"]]);
    await stream.body("no", { endStream: true });
    expect(await stream.untilReset()).toBe(errorCodes.CANCEL);
  });
  expect(await send(http2Agent(), peer, upgrade).ended).toMatchObject({ status: 403, content: "no", trailers: [] });
  await peer.finished();
});

test("the key of a WebSocket over HTTP/1.1 means nothing in HTTP/2 and is not sent", async () => {
  const peer = await tunnelServer((stream) => stream.headers([[":status", "200"]]));
  const headers = { "Sec-WebSocket-Key": "x", "Sec-WebSocket-Version": "13", Origin: "https://example.org" };
  await send(http2Agent(), peer, { ...upgrade, headers }).ended;
  expect(peer.peers[0]!.stream(1).fields!.slice(5)).toEqual([
    ["sec-websocket-version", "13"],
    ["origin", "https://example.org"],
  ]);
});

describe("a server that does not offer WebSocket over HTTP/2", () => {
  test("is asked over HTTP/1.1 where TLS lets that be chosen, and over HTTP/2 for everything else", async () => {
    const { key, cert } = await certificate();
    const server = createSecureServer({ key, cert, allowHTTP1: true }, (incoming, response) => {
      response.end(incoming.httpVersion);
    });
    server.on("upgrade", (incoming: IncomingMessage, socket: Socket) => {
      const refused = incoming.url === "/refused";
      socket.write(refused ? "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno" : SWITCHED);
      if (!refused) socket.pipe(socket);
    });
    const listening = await listen(server);
    const agent = new TrailerAgent({ connect: { ca: cert } });
    onTestFinished(() => agent.destroy());
    // The first one finds out, and others wait for that.
    const sent = [send(agent, listening, upgrade), send(agent, listening), send(agent, listening, upgrade)];
    const [first, other, second] = await Promise.all(sent.map(({ ended }) => ended));
    expect([first!.status, other!.content, second!.status]).toEqual([101, "2.0", 101]);
    for (const { tunnel } of [first!, second!]) {
      tunnel!.end("echo");
      expect(await text(tunnel!)).toBe("echo");
    }
    expect(await send(agent, listening, { ...upgrade, path: "/refused" }).ended).toMatchObject({
      status: 403,
      content: "no",
    });
    expect((await send(agent, listening).ended).content).toBe("2.0");
    // Those for upgrades are not kept.
    await expect.poll(() => listening.connections()).toBe(1);
    await agent.close();
  });

  test("fails the upgrade where nothing but HTTP/2 is spoken, and goes on", async () => {
    const peer = await rawHttp2Server(async (connection) => {
      await (await connection.accept()).headers([[":status", "204"]], { endStream: true });
    });
    const agent = http2Agent();
    for (const options of [upgrade, { ...upgrade, upgrade: "something-else" }]) {
      expect((await send(agent, peer, options).ended).error).toMatchObject({ code: "UND_ERR_NOT_SUPPORTED" });
    }
    expect((await send(agent, peer).ended).status).toBe(204);
    expect(peer.peers).toHaveLength(1);
  });
});

test("undici's WebSocket works over it", async () => {
  const peer = await tunnelServer(async (stream) => {
    await stream.headers([[":status", "200"]]);
    // A masked text of five letters, as every client must send it (RFC 6455 section 5).
    const frame = await stream.untilData(11);
    expect([...frame.subarray(0, 2)]).toEqual([0x81, 0x85]);
    const letters = frame.subarray(6).map((octet, at) => octet ^ frame[2 + (at % 4)]!);
    await stream.body(Buffer.concat([Buffer.of(0x81, 5), letters.toReversed()]));
    await stream.body(Buffer.of(0x88, 0), { endStream: true });
  });
  const socket = new WebSocket(peer.origin.replace("http:", "ws:"), { dispatcher: http2Agent() });
  const messages: unknown[] = [];
  socket.addEventListener("open", () => socket.send("hello"));
  socket.addEventListener("message", ({ data }) => messages.push(data));
  await new Promise((resolve) => socket.addEventListener("close", resolve));
  expect(messages).toEqual(["olleh"]);
  await peer.finished();
});
