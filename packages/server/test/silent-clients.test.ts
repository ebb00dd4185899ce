import { errorCodes, rawClient, rawHttp2Client, requestFields } from "@trailsum/testkit";
import { expect, onTestFinished, test } from "vitest";

import { createMemoryStore, createUploadServer, type UploadLogger } from "../src/index.ts";

const size = 16 * 1024 * 1024;

/** A server whose patience is short, with something large in its store, and what it has warned of. */
async function impatientServer(): Promise<{ port: number; warnings: string[] }> {
  const store = createMemoryStore();
  const warnings: string[] = [];
  const logger: UploadLogger = { info() {}, warn: (message) => warnings.push(message), error() {} };
  const server = createUploadServer({ store, logger, listen: { port: 0 }, idleTimeout: 200, allowUnverified: true });
  onTestFinished(() => server.close());
  const { port, url } = await server.listen();
  const uploaded = await fetch(`${url}/large`, { method: "PUT", body: Buffer.alloc(size) });
  expect(uploaded.status).toBe(201);
  await uploaded.arrayBuffer();
  return { port, warnings };
}

test("an idle timeout beyond what Node's timers take does not end an upload at once", async () => {
  const store = createMemoryStore();
  const server = createUploadServer({ store, listen: { port: 0 }, idleTimeout: 2 ** 31, allowUnverified: true });
  onTestFinished(() => server.close());
  const { port, url } = await server.listen();
  const client = await rawClient(port);
  await client.write("PUT /it HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 2\r\n\r\nb");
  // Several round trips take longer than the millisecond that Node would make of it.
  for (let trips = 0; trips < 10; trips += 1) await (await fetch(`${url}/absent`)).arrayBuffer();
  await client.write("o");
  await client.readToEnd();
  expect(client.received.toString()).toMatch(/^HTTP\/1.1 201 /);
});

test.each([-1, Number.NaN])("an idle timeout of %d is refused", (idleTimeout) => {
  const create = () => createUploadServer({ store: createMemoryStore(), idleTimeout });
  expect(create).toThrow(expect.objectContaining({ code: "USAGE" }));
});

test.each(["headTimeout", "keepAliveTimeout", "minRate"])("a %s of -1 is refused", (option) => {
  const create = () => createUploadServer({ store: createMemoryStore(), [option]: -1 });
  expect(create).toThrow(expect.objectContaining({ code: "USAGE", message: expect.stringContaining(option) }));
});

test("a client of HTTP/1.1 that takes nothing of a response is cut off", async () => {
  const { port, warnings } = await impatientServer();
  const client = await rawClient(port);
  client.socket.pause();
  await client.write("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await expect.poll(() => warnings).toEqual([expect.stringMatching(/^aborted: .*CONNECTION_LOST/)]);
  client.socket.resume();
  await client.closed;
  expect(client.received.length).toBeLessThan(size);
});

test("a stream of HTTP/2 whose client gives no window is reset, and others go on", async () => {
  const { port, warnings } = await impatientServer();
  const peer = await rawHttp2Client(port, { settings: { INITIAL_WINDOW_SIZE: 0 } });
  const thirsty = await peer.request(requestFields("GET", "/large"), { endStream: true });
  expect(await thirsty.untilReset()).toBe(errorCodes.CANCEL);
  await expect.poll(() => warnings).toEqual([expect.stringMatching(/^aborted: .*CONNECTION_LOST/)]);
  const other = await peer.request(requestFields("HEAD", "/large"), { endStream: true });
  await other.untilEnd();
  expect(other.status).toBe(200);
  peer.connection.destroy();
});
