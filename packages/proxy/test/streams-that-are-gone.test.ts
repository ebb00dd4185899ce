import { createServer } from "node:http";
import { connect, createServer as createNetServer, type Socket } from "node:net";
import { once } from "node:events";
import { join } from "node:path";

import {
  connectionPreface,
  dataFrame,
  encodeFields,
  encodeFrame,
  fieldSection,
  frameTypes,
  listen,
  rawClient,
  rawHttp2Client,
  rawServer,
  requestFields,
  resetFrame,
  settingsFrame,
  tempDir,
  windowUpdateFrame,
  httpServer,
} from "@trailsum/testkit";
import { describe, expect, onTestFinished, test } from "vitest";

import { createReverseProxy } from "../src/index.ts";
import { ask, mountedServer, proxyServer, readMessage } from "./peers.ts";

// Vitest fails a test during which an exception has no handler: what these peers do must not raise one.

const FRAMES: readonly (readonly [what: string, frame: (streamId: number) => Buffer])[] = [
  ["RST_STREAM", (id) => resetFrame(id)],
  ["DATA on stream 0", () => dataFrame(0, "x")],
  ["DATA on an idle stream", (id) => dataFrame(id + 4, "x")],
  ["a frame that is too long", (id) => dataFrame(id, Buffer.alloc(20_000))],
  ["a WINDOW_UPDATE of 0", () => windowUpdateFrame(0, 0)],
  ["SETTINGS of 5 bytes", () => encodeFrame({ type: frameTypes.SETTINGS }, Buffer.alloc(5))],
];

const UPLOAD = "PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n";

describe.each([["observe"], ["enforce"], ["off"]] as const)("with verification %s", (verify) => {
  test.each(FRAMES)("an upload's HEADERS and %s in one packet end that upload alone", async (_what, frame) => {
    const origin = await httpServer((req, res) => void req.resume().on("end", () => res.end("ok")));
    const { port, records } = await proxyServer({ target: origin.origin, verify });
    const head = encodeFields(requestFields("PUT", "/x", [["trailer", "md5"]]));
    // With a connection to the origin open already, the content is read at once.
    expect((await ask(port, UPLOAD)).startLine).toContain(" 200 ");
    const peer = await rawHttp2Client(port, { handshake: false });
    await peer.send(connectionPreface, settingsFrame(), fieldSection(1, head), frame(1));
    await expect.poll(() => records.length).toBe(2);
    peer.connection.end();
    await peer.connection.closed;
    const other = await rawHttp2Client(port);
    const request = await other.request(requestFields("GET", "/"), { endStream: true });
    await request.untilEnd();
    expect(request.data.toString()).toBe("ok");
    other.connection.end();
    await other.connection.closed;
  });
});

const ASK = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";

test("a tunnel to an origin on a Unix domain socket ends when the client resets it", async () => {
  const socketPath = join(await tempDir(), "origin");
  const closed = Promise.withResolvers<void>();
  const origin = createNetServer((socket: Socket) => {
    socket.on("error", () => {}).once("close", () => closed.resolve());
    socket.once("data", () => socket.write(SWITCH));
  }).listen(socketPath);
  onTestFinished(() => void origin.close());
  await once(origin, "listening");
  const { port } = await proxyServer({ target: "http://origin", agent: { connect: { socketPath } } });
  const client = await rawClient(port);
  await client.write(ASK);
  await client.readHead();
  client.reset();
  await expect(closed.promise).resolves.toBeUndefined();
});

test("a response of unknown length on a Unix domain socket is aborted when the origin aborts it", async () => {
  const origin = await rawServer(async (connection) => {
    await connection.readHead();
    await connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
    connection.reset();
  });
  const proxy = createReverseProxy({ target: origin.origin });
  const server = createServer((req, res) => void proxy(req, res));
  const socketPath = join(await tempDir(), "proxy");
  server.listen(socketPath);
  await once(server, "listening");
  onTestFinished(async () => {
    server.close();
    await proxy.close();
  });
  const client = connect(socketPath);
  client.on("error", () => {}).setEncoding("latin1");
  let received = "";
  client.on("data", (piece: string) => (received += piece)).write("GET / HTTP/1.0\r\n\r\n");
  await once(client, "close");
  expect(received).toContain("half");
});

test("mounted, an upgrade that was pipelined waits for the answer before it", async () => {
  const release = Promise.withResolvers<void>();
  const origin = createServer((_req, res) => void release.promise.then(() => res.end("slow")));
  origin.on("upgrade", (_req, socket) => {
    socket.on("error", () => {}).on("end", () => socket.end());
    socket.resume().write(`${SWITCH}switched`);
  });
  const { port } = await mountedServer({ target: (await listen(origin)).origin });
  const client = await rawClient(port);
  await client.write(`GET /slow HTTP/1.1\r\nHost: a\r\n\r\n${ASK}`);
  release.resolve();
  expect((await readMessage(client)).body.toString()).toBe("slow");
  await client.readUntil("switched");
  client.end();
  await client.readToEnd();
});
