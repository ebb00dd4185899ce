import { once } from "node:events";
import { connect, Server } from "node:net";

import { certificate, rawClient } from "@trailsum/testkit";
import { describe, expect, onTestFinished, test, vi } from "vitest";

import { createMemoryStore, createUploadServer, type UploadServerOptions } from "../src/index.ts";
import { answerOf, chunked, content, exchange, md5, readObject, readResponse, request, upload } from "./peer.ts";

async function serve(options: Partial<UploadServerOptions> = {}) {
  const store = options.store ?? createMemoryStore();
  const server = createUploadServer({ listen: { port: 0 }, ...options, store });
  onTestFinished(() => server.close({ graceMs: 0 }));
  return { server, store, ...(await server.listen()) };
}

test("serves uploads and downloads over HTTP", async () => {
  const { url, port, store } = await serve();
  expect(url).toBe(`http://127.0.0.1:${port}`);
  expect((await exchange(port, upload("/it"))).status).toBe(201);
  expect(await readObject(store, "it")).toEqual(content);
  expect((await exchange(port, request("GET /it"))).message.body).toEqual(content);
});

test("serves them over TLS", async () => {
  const { cert, key } = await certificate();
  const { url, port } = await serve({ tls: { cert, key } });
  expect(url).toBe(`https://127.0.0.1:${port}`);
  const client = await rawClient(port, { tls: { ca: cert } });
  void client.write(upload("/it"));
  expect((await readResponse(client)).startLine).toContain(" 201 ");
  void client.write(request("GET /it", ["TE: trailers", "Want-Repr-Digest: md5=10"]));
  expect((await readResponse(client)).trailerLines).toContain(`Md5: ${md5(content)}`);
});

test("continues after a connection that could not be accepted", async () => {
  const listen = vi.spyOn(Server.prototype, "listen");
  onTestFinished(() => listen.mockRestore());
  const errors: string[] = [];
  const logger = { info() {}, warn() {}, error: (message: string) => errors.push(message) };
  const { port } = await serve({ logger });
  (listen.mock.contexts[0] as Server).emit("error", new Error("accept EMFILE"));
  expect(errors).toEqual(["cannot accept a connection: accept EMFILE"]);
  expect((await exchange(port, upload("/it"))).status).toBe(201);
});

test("refuses by the head before it lets the content come", async () => {
  const { port } = await serve({ maxSize: 10 });
  const client = await rawClient(port);
  void client.write(request("PUT /it", ["Content-Length: 11", "Expect: 100-continue"]));
  expect((await readResponse(client)).startLine).toContain(" 413 ");
  expect((await exchange(port, request("PUT /it", ["Content-Length: 1", "Expect: x"]))).status).toBe(417);
});

test.each([
  ["no HTTP at all", "hello\r\n\r\n", 400],
  [
    "both framings at once",
    "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    400,
  ],
  ["a head too large", `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 431],
])("%s is answered and closed", async (_what, bytes, status) => {
  const { port } = await serve();
  const client = await rawClient(port);
  void client.write(bytes);
  expect((await client.readToEnd()).toString()).toContain(`HTTP/1.1 ${status} `);
});

test("an address in use is reported in a sentence", async () => {
  const { port } = await serve();
  const second = createUploadServer({ store: createMemoryStore(), listen: { port } });
  await expect(second.listen()).rejects.toMatchObject({ code: "USAGE", message: expect.stringContaining(`:${port}`) });
  await second.close();
});

test("an invalid certificate is reported in a sentence", async () => {
  const server = createUploadServer({
    store: createMemoryStore(),
    listen: { port: 0 },
    tls: { cert: "no", key: "no" },
  });
  await expect(server.listen()).rejects.toMatchObject({ code: "USAGE" });
});

describe("a stop", () => {
  test("lets a running upload finish, and accepts no other", async () => {
    const { server, port, store } = await serve();
    const client = await rawClient(port);
    const body = chunked([content], [`Md5: ${md5(content)}`]);
    await client.write(request("PUT /it", ["Transfer-Encoding: chunked", "Trailer: Md5", "Expect: 100-continue"]));
    await client.readHead();
    const idle = await rawClient(port);
    const closed = server.close({ graceMs: 10_000 });
    await idle.readToEnd();
    const refused = connect(port, "127.0.0.1");
    await expect(once(refused, "connect")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await client.write(body);
    expect((await readResponse(client)).startLine).toContain(" 201 ");
    client.end();
    await closed;
    expect(await readObject(store, "it")).toEqual(content);
  });

  test("closes connections that wait for their next request", async () => {
    const { server, port } = await serve();
    const client = await rawClient(port);
    void client.write(upload("/it"));
    expect(answerOf(await readResponse(client)).status).toBe(201);
    const closed = server.close({ graceMs: 60_000 });
    expect(await client.readToEnd()).toHaveLength(0);
    await closed;
  });

  test("aborts what runs longer than it may, and cleans up after it", async () => {
    const { server, port, store } = await serve();
    const client = await rawClient(port);
    await client.write(request("PUT /it", ["Transfer-Encoding: chunked", "Expect: 100-continue"]));
    await client.readHead();
    await server.close({ graceMs: 20 });
    await client.readToEnd();
    expect(await store.open("it")).toBeUndefined();
  });

  test("does not wait for a client that has sent nothing", async () => {
    const { server, port } = await serve();
    const client = await rawClient(port);
    const closed = server.close({ graceMs: 60_000 });
    expect(await client.readToEnd()).toHaveLength(0);
    await closed;
  });

  test("does not wait longer than it may for a client in the middle of its handshake", async () => {
    const { cert, key } = await certificate();
    const { server, port } = await serve({ tls: { cert, key } });
    const client = await rawClient(port);
    const closed = server.close({ graceMs: 50 });
    expect(await client.readToEnd()).toHaveLength(0);
    await closed;
  });

  test("of a server that never listened succeeds", async () => {
    await expect(createUploadServer({ store: createMemoryStore() }).close()).resolves.toBeUndefined();
  });
});
