import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { connect as connectTcp } from "node:net";

import {
  certificate,
  connectionPreface,
  deadline,
  errorCodes,
  type Http2Peer,
  type Http2Stream,
  rawClient,
  rawHttp2Client,
  requestFields,
  settingsFrame,
} from "@trailsum/testkit";
import { describe, expect, onTestFinished, test } from "vitest";

import { createMemoryStore, createUploadServer, type UploadServerOptions } from "../src/index.ts";
import { sendHttp2 } from "./http2-peer.ts";
import { content, md5, other, readObject, readResponse, upload } from "./peer.ts";

async function serve(options: Partial<UploadServerOptions> = {}) {
  const store = options.store ?? createMemoryStore();
  const server = createUploadServer({ listen: { port: 0 }, ...options, store });
  onTestFinished(() => server.close({ graceMs: 0 }));
  return { server, store, ...(await server.listen()) };
}

/** Uploads something new to a path. */
async function uploads(peer: Http2Peer, path: string, bytes: Buffer = content): Promise<void> {
  const stream = await sendHttp2(peer, upload(path, bytes));
  await stream.untilEnd();
  expect(stream.status).toBe(201);
}

/** An upload that has begun, and waits. */
async function begin(peer: Http2Peer, path: string): Promise<Http2Stream> {
  const stream = await peer.request(requestFields("PUT", path, [["trailer", "md5"]]));
  await stream.body(content);
  await peer.ping();
  return stream;
}

async function finish(stream: Http2Stream): Promise<number | undefined> {
  await stream.endWithTrailers([["md5", md5(content)]]);
  await stream.untilEnd();
  return stream.status;
}

describe("one port", () => {
  test("over TLS speaks what is agreed on: HTTP/2, HTTP/1.1, and HTTP/1.1 with who does not ask", async () => {
    const { cert: ca, key } = await certificate();
    const { port, store } = await serve({ tls: { cert: ca, key } });
    const peer = await rawHttp2Client(port, { tls: { ca } });
    await uploads(peer, "/h2");
    for (const [path, tls] of [
      ["/http1.1", { ca, ALPNProtocols: ["http/1.1"] }],
      ["/silent", { ca }],
    ] as const) {
      const client = await rawClient(port, { tls });
      void client.write(upload(path));
      expect((await readResponse(client)).startLine).toBe("HTTP/1.1 201 Created");
    }
    for (const path of ["h2", "http1.1", "silent"]) expect(await readObject(store, path)).toEqual(content);
  });

  test("over TLS says HTTP/2 where both are offered", async () => {
    const { cert: ca, key } = await certificate();
    const { port } = await serve({ tls: { cert: ca, key } });
    const client = await rawClient(port, { tls: { ca, ALPNProtocols: ["http/1.1", "h2"] } });
    expect(client.socket).toMatchObject({ alpnProtocol: "h2" });
  });

  test("in the clear speaks HTTP/2 with who begins with its preface, and HTTP/1.1 with everybody else", async () => {
    const { port, store } = await serve();
    await uploads(await rawHttp2Client(port), "/h2");
    const client = await rawClient(port);
    void client.write(upload("/http1.1"));
    expect((await readResponse(client)).startLine).toBe("HTTP/1.1 201 Created");
    for (const path of ["h2", "http1.1"]) expect(await readObject(store, path)).toEqual(content);
  });

  test("takes a preface that comes byte by byte", async () => {
    const { port, store } = await serve();
    const peer = await rawHttp2Client(port, { handshake: false, acknowledge: false });
    for (const byte of Buffer.concat([connectionPreface, settingsFrame()])) {
      await peer.send(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await peer.untilFrame("SETTINGS");
    await uploads(peer, "/it");
    expect(await readObject(store, "it")).toEqual(content);
  });

  test.each([
    ["begins like one", "PRI * HTTP/1.1\r\nHost: test\r\n\r\n", 400],
    ["aborts in it", "PRI * HTTP/2.0\r\n\r\nSM\r\nPUT / HTTP/1.1\r\n\r\n", 505],
  ])("takes what only %s for bad HTTP/1.1", async (_what, bytes, status) => {
    const { port } = await serve();
    const client = await rawClient(port);
    void client.write(bytes);
    expect((await client.readToEnd()).toString()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  });

  test.each(["", "PRI * HTTP"])("gives up a client that ends after %j", async (bytes) => {
    const { port } = await serve();
    const client = await rawClient(port);
    client.end(bytes);
    expect(await client.readToEnd()).toHaveLength(0);
    await client.closed;
  });

  test("ends a session whose client ends its side", async () => {
    const { port } = await serve();
    const peer = await rawHttp2Client(port);
    await uploads(peer, "/it");
    peer.connection.end();
    await peer.connection.closed;
    expect(peer.connection.error).toBeUndefined();
  });
});

test("a megabyte may be under way on each stream, and several on a session", async () => {
  const { port } = await serve();
  const peer = await rawHttp2Client(port);
  await peer.ping();
  expect([peer.open().sendWindow, peer.sendWindow]).toEqual([1024 * 1024, 4 * 1024 * 1024]);
});

test("Node's own client uploads and downloads with trailers, many at once", async () => {
  const { cert: ca, key } = await certificate();
  const { port, store } = await serve({ tls: { cert: ca, key } });
  const session = connect(`https://localhost:${port}`, { ca });
  onTestFinished(() => session.destroy());
  const bodies = Array.from({ length: 20 }, (_, at) => Buffer.alloc(100_000 + at, at));
  const statuses = await Promise.all(bodies.map((bytes, at) => uploadBy(session, `/${at}`, bytes)));
  expect(statuses).toEqual(bodies.map(() => 201));
  expect(await readObject(store, "7")).toEqual(bodies[7]);
  const req = session.request({ ":path": "/7", "want-repr-digest": "md5=10" });
  const trailers = once(req, "trailers");
  req.resume();
  expect((await trailers)[0]).toMatchObject({ md5: md5(bodies[7]!), size: "100007" });
});

async function uploadBy(session: ClientHttp2Session, path: string, bytes: Buffer): Promise<unknown> {
  const req = session.request({ ":method": "PUT", ":path": path, trailer: "md5" }, { waitForTrailers: true });
  req.on("wantTrailers", () => req.sendTrailers({ md5: md5(bytes) }));
  req.end(bytes);
  req.resume();
  const [headers] = (await once(req, "response")) as [Record<string, unknown>];
  return headers[":status"];
}

describe.each([
  ["over TLS", true],
  ["in the clear", false],
])("a stop, %s", (_how, secure) => {
  const started = async () => {
    const { cert: ca, key } = await certificate();
    const served = await serve(secure ? { tls: { cert: ca, key } } : {});
    const join = (): Promise<Http2Peer> => rawHttp2Client(served.port, secure ? { tls: { ca } } : {});
    return { ...served, join };
  };

  test("lets running uploads finish after GOAWAY, closes idle sessions, and accepts no others", async () => {
    const { server, port, store, join } = await started();
    const [idle, busy] = [await join(), await join()];
    await uploads(idle, "/before");
    const streams = [await begin(busy, "/one"), await begin(busy, "/two")];
    const closed = server.close({ graceMs: 10_000 });
    await idle.connection.readToEnd();
    idle.connection.end();
    const goaway = await busy.untilGoaway();
    expect([goaway.errorCode, idle.goaway?.errorCode]).toEqual([errorCodes.NO_ERROR, errorCodes.NO_ERROR]);
    await expect(once(connectTcp(port, "127.0.0.1"), "connect")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    // What is opened after GOAWAY is not answered, and so may be sent again elsewhere.
    const late = await sendHttp2(busy, upload("/late", other));
    for (const stream of streams) expect(await finish(stream)).toBe(201);
    await busy.connection.readToEnd();
    busy.connection.end();
    await closed;
    expect(late.status).toBeUndefined();
    for (const path of ["one", "two"]) expect(await readObject(store, path)).toEqual(content);
    expect(await store.open("late")).toBeUndefined();
  });

  test("aborts what runs longer than it may, and cleans up after it", async () => {
    const { server, store, join } = await started();
    const peer = await join();
    const stream = await begin(peer, "/it");
    await server.close({ graceMs: 20 });
    await peer.connection.readToEnd();
    expect([stream.status, await store.open("it")]).toEqual([undefined, undefined]);
  });

  test("does not wait for a client that never closes its side of an idle session", async () => {
    const { server, join } = await started();
    const peer = await join();
    await uploads(peer, "/it");
    await deadline(server.close({ graceMs: 60_000 }), () => "the server waits");
    expect(peer.goaway?.errorCode).toBe(errorCodes.NO_ERROR);
  });
});
