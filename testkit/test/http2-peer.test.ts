import { once } from "node:events";
import { connect, createSecureServer, createServer } from "node:http2";
import type { ClientHttp2Session } from "node:http2";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";
import { FrameReader } from "../src/http2-frame-reader.ts";
import {
  certificate,
  continuationFrame,
  dataFrame,
  encodeFields,
  encodeFrame,
  errorCodes,
  frameTypes,
  goawayFrame,
  headersFrame,
  listen,
  pingFrame,
  priorityFrame,
  pushPromiseFrame,
  rawClient,
  rawHttp2Client,
  rawHttp2Server,
  requestFields,
  resetFrame,
  settingsAckFrame,
  settingsFrame,
  until,
  windowUpdateFrame,
} from "../src/index.ts";

/** A connection of node:http2 that is gone when the test is over. */
function connected(origin: string, options = {}): ClientHttp2Session {
  const session = connect(origin, options);
  session.on("error", () => {});
  onTestFinished(() => session.destroy());
  return session;
}

describe("frames", () => {
  const block = encodeFields([["a", "b"]]);
  test.each([
    [
      dataFrame(1, "abc", { endStream: true }),
      { type: "DATA", streamId: 1, endStream: true, body: Buffer.from("abc") },
    ],
    [
      dataFrame(1, "abc", { padding: 9 }),
      { endStream: false, body: Buffer.from("abc"), payload: expect.objectContaining({ length: 13 }) },
    ],
    [
      headersFrame(3, block, { padding: 0 }),
      { type: "HEADERS", streamId: 3, endStream: false, endHeaders: true, body: block },
    ],
    [headersFrame(3, block, { endHeaders: false, endStream: true }), { endStream: true, endHeaders: false }],
    [continuationFrame(3, block), { type: "CONTINUATION", endHeaders: true, endStream: false, body: block }],
    [pushPromiseFrame(1, 2, block, { padding: 3 }), { type: "PUSH_PROMISE", promisedStreamId: 2, body: block }],
    [
      priorityFrame(5, { dependsOn: 3, exclusive: true, weight: 256 }),
      { type: "PRIORITY", payload: Buffer.of(128, 0, 0, 3, 255) },
    ],
    [resetFrame(5, errorCodes.REFUSED_STREAM), { type: "RST_STREAM", streamId: 5, errorCode: 7 }],
    [
      settingsFrame({ ENABLE_PUSH: 0, INITIAL_WINDOW_SIZE: 2 ** 31 - 1 }),
      {
        type: "SETTINGS",
        ack: false,
        settings: [
          [2, 0],
          [4, 2 ** 31 - 1],
        ],
      },
    ],
    [settingsAckFrame(), { type: "SETTINGS", ack: true, settings: [] }],
    [pingFrame(Buffer.from("12345678"), { ack: true }), { type: "PING", ack: true, body: Buffer.from("12345678") }],
    [
      goawayFrame(7, errorCodes.ENHANCE_YOUR_CALM, "slow"),
      { type: "GOAWAY", lastStreamId: 7, errorCode: 11, body: Buffer.from("slow") },
    ],
    [windowUpdateFrame(0, 2 ** 31 - 1), { type: "WINDOW_UPDATE", streamId: 0, increment: 2 ** 31 - 1 }],
    [
      encodeFrame({ type: 0x77, flags: 0xff, streamId: 2 ** 32 - 1 }),
      { type: "frame 0x77", flags: 255, streamId: 2 ** 31 - 1 },
    ],
  ])("%#: what is encoded is read back, byte by byte as well", (frame, expected) => {
    expect([...new FrameReader().read(frame)]).toMatchObject([expected]);
    const reader = new FrameReader();
    const frames = Array.from(Buffer.concat([frame, frame]), (byte) => [...reader.read(Buffer.of(byte))]).flat();
    expect(frames).toMatchObject([expected, expected]);
  });

  test("a header may lie about the length", () => {
    const frame = encodeFrame({ type: frameTypes.DATA, length: 2 }, Buffer.from("abcd"));
    expect([...new FrameReader().read(frame)].map(({ payload }) => payload.toString())).toEqual(["ab"]);
  });
});

test("a field section larger than a frame goes out in several", async () => {
  const fields = [["large", "x".repeat(40_000)]] as const;
  const server = await rawHttp2Server(async (peer) => {
    const stream = await peer.accept();
    await stream.untilEnd();
    expect(stream.fields).toEqual(fields);
    expect(peer.frames.slice(-3)).toMatchObject([
      { type: "HEADERS", endStream: true, endHeaders: false },
      { type: "CONTINUATION", endHeaders: false },
      { type: "CONTINUATION", endHeaders: true },
    ]);
  });
  const peer = await rawHttp2Client(server.port);
  await peer.request(fields, { endStream: true });
  await until(
    () => server.peers.length > 0,
    () => "no one connects",
  );
  await server.finished();
});

describe.each(["cleartext", "tls"])("over %s", (kind) => {
  test("a request with trailers, and a response with trailers, of a node:http2 server", async () => {
    const { key, cert } = await certificate();
    const server = kind === "tls" ? createSecureServer({ key, cert }) : createServer();
    server.on("stream", async (stream, headers) => {
      const trailers = once(stream, "trailers");
      const content = await text(stream);
      const [{ digest }] = await trailers;
      stream.respond({ ":status": 201, path: headers[":path"] }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ seen: `${content.length} ${digest}` }));
      stream.end("thanks");
    });
    const { port } = await listen(server);
    const peer = await rawHttp2Client(port, kind === "tls" ? { tls: { ca: cert } } : {});
    const stream = await peer.request(requestFields("PUT", "/x", [["te", "trailers"]]));
    // Larger than both windows and the largest frame.
    await stream.body("x".repeat(200_000));
    await stream.endWithTrailers([["digest", "abc"]]);
    await stream.untilEnd();
    expect(stream.status).toBe(201);
    expect(stream.fields).toContainEqual(["path", "/x"]);
    expect(stream.data.toString()).toBe("thanks");
    expect(stream.trailers).toEqual([["seen", "200000 abc"]]);
    expect(stream.resetCode).toBeUndefined();
    peer.connection.destroy();
  });

  test("a request with trailers, and a response with trailers, of a node:http2 client", async () => {
    const { key, cert } = await certificate();
    const server = await rawHttp2Server(
      async (peer) => {
        const stream = await peer.accept();
        await stream.untilEnd();
        expect(stream.fields).toContainEqual([":path", "/y"]);
        expect(stream.data.length).toBe(200_000);
        expect(stream.trailers).toEqual([["digest", "abc"]]);
        await stream.headers([
          [":status", "103"],
          ["link", "</a>"],
        ]);
        await stream.headers([[":status", "200"]]);
        await stream.body("y".repeat(200_000));
        await stream.endWithTrailers([
          ["one", "1"],
          ["one", "2"],
        ]);
      },
      kind === "tls" ? { tls: { key, cert } } : {},
    );
    const session = connected(server.origin, { ca: cert });
    const request = session.request({ ":method": "POST", ":path": "/y" }, { waitForTrailers: true });
    request.on("wantTrailers", () => request.sendTrailers({ digest: "abc" }));
    request.end("x".repeat(200_000));
    const informational = once(request, "headers");
    const trailers = once(request, "trailers");
    expect(await text(request)).toHaveLength(200_000);
    expect((await informational)[0]).toMatchObject({ ":status": 103, link: "</a>" });
    expect((await trailers)[0]).toMatchObject({ one: "1, 2" });
    await server.finished();
    expect(server.peers[0]!.streams.get(1)?.ended).toBe(true);
  });
});

test("streams opened, reset and left are distinguished, on either side", async () => {
  const server = createServer((request, response) => {
    if (request.url === "/reset") response.stream.close(errorCodes.ENHANCE_YOUR_CALM);
    else response.end(request.url);
  });
  const { port } = await listen(server);
  const peer = await rawHttp2Client(port);
  const [one, two, three] = await Promise.all(
    ["/one", "/reset", "/three"].map((path) => peer.request(requestFields("GET", path), { endStream: true })),
  );
  expect(await two!.untilReset()).toBe(errorCodes.ENHANCE_YOUR_CALM);
  await expect(two!.untilEnd()).rejects.toThrow("stream 3 was reset with 11 while waiting for END_STREAM");
  await Promise.all([one!.untilEnd(), three!.untilEnd()]);
  expect([one!.data.toString(), three!.data.toString()]).toEqual(["/one", "/three"]);
  server.close();
  expect(await peer.untilGoaway()).toMatchObject({ errorCode: errorCodes.NO_ERROR });
  await peer.untilClosed();
});

test("automatic answers can be switched off", async () => {
  const server = createServer((_request, response) => response.end("x".repeat(200_000)));
  const { port } = await listen(server);
  const peer = await rawHttp2Client(port, { updateWindows: false, settings: { INITIAL_WINDOW_SIZE: 1000 } });
  const stream = await peer.request(requestFields("GET", "/"), { endStream: true });
  await stream.untilData(1000);
  await peer.ping();
  expect(stream.data).toHaveLength(1000);
  await peer.send(windowUpdateFrame(stream.id, 200_000));
  await stream.untilData(65_535);
  await peer.ping();
  expect(stream.data).toHaveLength(65_535);
  expect(stream.ended).toBe(false);
  peer.connection.destroy();
});

test("a peer that breaks the rules gets GOAWAY, and a wait for anything else says so", async () => {
  const { port } = await listen(createServer());
  const peer = await rawHttp2Client(port);
  await peer.send(dataFrame(0, "x"));
  expect(await peer.untilGoaway()).toMatchObject({ errorCode: errorCodes.PROTOCOL_ERROR });
  await expect(peer.untilFrame("PING")).rejects.toThrow(/the connection ended while waiting for PING.*PROTOCOL_ERROR/);
  await peer.untilClosed();
});

test("without a handshake nothing is sent, and invalid HTTP/2 is reported", async () => {
  const server = await rawHttp2Server((peer) => expect(peer.accept()).rejects.toThrow("does not speak HTTP/2"), {
    handshake: false,
  });
  const client = await rawClient(server.port);
  await client.write("GET / HTTP/1.1\r\n\r\n");
  await until(
    () => server.peers.length > 0,
    () => "no one connects",
  );
  await server.finished();
  server.connections[0]!.destroy();
  expect(await client.readToEnd()).toHaveLength(0);
});
