import { connect, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";

import {
  certificate,
  errorCodes,
  type Http2Peer,
  rawClient,
  rawHttp2Client,
  rawServer,
  requestFields,
  httpServer,
  seen,
} from "@trailsum/testkit";
import { describe, expect, onTestFinished, test } from "vitest";

import type { ProxyServer, ProxyServerOptions } from "../src/index.ts";
import { type Proxied, proxyServer, webSocketSwitch } from "./peers.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const UPGRADE = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";

/** An answer that is the last one on its connection. */
const LAST_ANSWER = /^HTTP\/1\.1 200 OK\r\n(?:(?!HTTP)[^])*\r\nConnection: close\r\n(?:(?!HTTP)[^])*\r\nread: \w*$/;

interface Held extends Proxied {
  readonly server: ProxyServer;
  /** Settles when the origin has been asked. */
  readonly asked: Promise<void>;
  /** Has the origin answer. */
  readonly answer: () => void;
}

/** A proxy before an origin that is asked once, and answers with what it has read when it is released. */
async function holding(options: Partial<ProxyServerOptions> = {}): Promise<Held> {
  const [asked, reported] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const origin = await httpServer(async (request, response) => {
    asked.resolve();
    const { body } = await seen(request);
    await reported.promise;
    response.end(`read: ${body}`);
  });
  const proxied = await proxyServer({ target: origin.origin, ...options });
  return { ...proxied, asked: asked.promise, answer: reported.resolve };
}

/** A proxy before an origin that switches protocols, and then waits for the end. */
async function tunnelling(): ReturnType<typeof proxyServer> {
  const origin = await rawServer(async (connection) => {
    await connection.write(webSocketSwitch(await connection.readHead()));
    await connection.readToEnd();
  });
  return proxyServer({ target: origin.origin });
}

describe("a server that stops, with a connection of HTTP/1.1", () => {
  test("that is idle, ends it at once", async () => {
    const { server, port, asked, answer } = await holding();
    const client = await rawClient(port);
    await client.write(GET);
    await asked;
    answer();
    await client.readUntil("read: ");
    await server.close();
    expect((await client.readToEnd()).length).toBe(0);
  });

  test("that waits for an answer, gives it as the last one, and forgets what was sent after it", async () => {
    const { server, port, asked, answer, records } = await holding();
    const client = await rawClient(port);
    await client.write(GET + GET);
    await asked;
    const stopped = server.close();
    answer();
    expect((await client.readToEnd()).toString()).toMatch(LAST_ANSWER);
    client.end();
    await stopped;
    expect(records.length).toBe(1);
  });

  test("that has sent half of a head, waits for the other half, and answers", async () => {
    const { server, port, answer } = await holding();
    answer();
    const client = await rawClient(port);
    await client.write(GET.slice(0, 20));
    await read(port);
    const stopped = server.close();
    await client.write(GET.slice(20));
    expect((await client.readToEnd()).toString()).toMatch(LAST_ANSWER);
    client.end();
    await stopped;
  });

  test("that has sent half of its content, waits for the other half, and answers", async () => {
    const { server, port, asked, answer } = await holding();
    answer();
    const client = await rawClient(port);
    await client.write("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nhalf");
    await asked;
    const stopped = server.close();
    await client.write("half");
    expect((await client.readToEnd()).toString()).toMatch(LAST_ANSWER);
    client.end();
    await stopped;
  });

  test("that never sends the other half, aborts it when its time is over", async () => {
    const { server, port, asked } = await holding();
    const [head, content] = [await rawClient(port), await rawClient(port)];
    await head.write(GET.slice(0, 20));
    await content.write("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nhalf");
    await asked;
    await server.close({ graceMs: 20 });
    for (const client of [head, content]) expect((await client.readToEnd()).toString()).toBe("");
  });

  test("whose last response still waits for the client, lets it have all of it", async () => {
    const origin = await httpServer((request, response) => {
      const size = Number(request.url!.slice(1));
      response.writeHead(200, { "content-length": size }).end(Buffer.alloc(size, "x"));
    });
    const { server, port, records } = await proxyServer({ target: origin.origin });
    // Ever larger, until it is more than the system takes, by so little that nothing of it is held back.
    const { client, size } = await firstUnsent(port, records);
    const stopped = server.close();
    const response = Buffer.concat((await client.toArray()) as Buffer[]);
    expect(response.length - response.indexOf("\r\n\r\n") - 4).toBe(size);
    client.end();
    await stopped;
  });

  test("that is a tunnel, ends it at once", async () => {
    const { server, port } = await tunnelling();
    const client = await rawClient(port);
    await client.write(UPGRADE);
    await client.readHead();
    await server.close();
    expect((await client.readToEnd()).length).toBe(0);
  });

  test("that asks for a tunnel, and gets it too late, ends it at once", async () => {
    const [asked, reported] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const origin = await rawServer(async (connection) => {
      await connection.readHead();
      asked.resolve();
      await reported.promise;
      await connection.write(SWITCH);
      await connection.readToEnd();
    });
    const { server, port } = await proxyServer({ target: origin.origin });
    const client = await rawClient(port);
    await client.write(UPGRADE);
    await asked.promise;
    const stopped = server.close();
    reported.resolve();
    // The end can overtake the 101, and nothing but it may come.
    expect((await client.readToEnd()).toString()).toMatch(/^(HTTP\/1\.1 101 (?:(?!HTTP)[^])*\r\n\r\n)?$/);
    client.end();
    await stopped;
    await origin.finished();
  });
});

describe("a server that stops, with a connection of HTTP/2", () => {
  test("that is idle, says GOAWAY and ends it", async () => {
    const { server, port, answer } = await holding();
    answer();
    const peer = await rawHttp2Client(port);
    const stream = await peer.request(requestFields("GET", "/"), { endStream: true });
    await stream.untilEnd();
    const stopped = server.close();
    expect(await goaway(peer)).toBe(errorCodes.NO_ERROR);
    await peer.untilClosed();
    await stopped;
  });

  test("that waits for an answer, says GOAWAY, answers, and ends it", async () => {
    const { server, port, asked, answer } = await holding();
    const peer = await rawHttp2Client(port);
    const stream = await peer.request(requestFields("GET", "/"), { endStream: true });
    await asked;
    const stopped = server.close();
    expect(await goaway(peer)).toBe(errorCodes.NO_ERROR);
    answer();
    await stream.untilEnd();
    expect([stream.status, stream.data.toString()]).toEqual([200, "read: "]);
    await peer.untilClosed();
    await stopped;
  });

  test("that has sent half of its content, waits for the other half, and answers", async () => {
    const { server, port, asked, answer } = await holding();
    answer();
    const peer = await rawHttp2Client(port);
    const stream = await peer.request(requestFields("PUT", "/"));
    await stream.body("half");
    await asked;
    const stopped = server.close();
    expect(await goaway(peer)).toBe(errorCodes.NO_ERROR);
    await stream.body("half", { endStream: true });
    await stream.untilEnd();
    expect([stream.status, stream.data.toString()]).toEqual([200, "read: halfhalf"]);
    await peer.untilClosed();
    await stopped;
  });

  test("that never sends the other half, aborts it when its time is over", async () => {
    const { server, port, asked } = await holding();
    const peer = await rawHttp2Client(port);
    const stream = await peer.request(requestFields("PUT", "/"));
    await stream.body("half");
    await asked;
    await server.close({ graceMs: 20 });
    await peer.untilClosed();
    expect(stream.ended).toBe(false);
  });

  test("that has a tunnel, resets it at once", async () => {
    const { server, port } = await tunnelling();
    const peer = await rawHttp2Client(port);
    const [method, ...others] = requestFields("CONNECT", "/", [["sec-websocket-version", "13"]]);
    const stream = await peer.request([method!, [":protocol", "websocket"], ...others]);
    await stream.untilFields();
    const stopped = server.close();
    expect(await stream.untilReset()).toBe(errorCodes.CANCEL);
    await peer.untilClosed();
    await stopped;
  });

  test("begins no stream that comes after its GOAWAY", async () => {
    const { server, port, asked, answer, records } = await holding();
    const peer = await rawHttp2Client(port);
    const stream = await peer.request(requestFields("GET", "/"), { endStream: true });
    await asked;
    const stopped = server.close();
    expect(await goaway(peer)).toBe(errorCodes.NO_ERROR);
    await peer.request(requestFields("GET", "/late"), { endStream: true });
    await peer.ping();
    answer();
    await stream.untilEnd();
    await peer.untilClosed();
    await stopped;
    expect(records.length).toBe(1);
  });
});

describe("a server that has stopped", () => {
  test("has reported to onExchange what it aborted, and of the tunnels that it ended", async () => {
    const { server, port, records } = await tunnelling();
    const [one, other] = [await rawClient(port), await rawHttp2Client(port)];
    await one.write(UPGRADE);
    await one.readHead();
    const [method, ...others] = requestFields("CONNECT", "/", [["sec-websocket-version", "13"]]);
    await (await other.request([method!, [":protocol", "websocket"], ...others])).untilFields();
    await Promise.all([server.close(), other.untilClosed()]);
    expect(new Set(records.map(({ status }) => status))).toEqual(new Set([101, 200]));
    const held = await holding();
    const client = await rawClient(held.port);
    await client.write(GET);
    await held.asked;
    await held.server.close({ graceMs: 20 });
    expect(held.records.map(({ status, error }) => [status, error?.code])).toEqual([[undefined, "ABORTED"]]);
  });

  test("does not wait for clients that keep their side open, whatever they speak", async () => {
    const { server, port, answer, records } = await holding();
    answer();
    const [one, other, refused] = [await rawClient(port), await rawHttp2Client(port), await rawClient(port)];
    await one.write(GET.replace("Host: a", "Host: a\r\nConnection: close"));
    await other.request(requestFields("GET", "/"), { endStream: true });
    await refused.write("nonsense\r\n\r\n");
    await expect.poll(() => records.length).toBe(2);
    await expect(server.close({ graceMs: 600_000 })).resolves.toBeUndefined();
  });

  test("does not wait for a hook that never comes to an end", async () => {
    const hooked = Promise.withResolvers<void>();
    const { server, port, records } = await proxyServer({
      target: "http://127.0.0.1:1",
      rewrite: () => {
        hooked.resolve();
        return new Promise(() => {});
      },
    });
    const client = await rawClient(port);
    await client.write(GET);
    await hooked.promise;
    await server.close({ graceMs: 20 });
    expect(records).toEqual([]);
  });
});

test("a server that stops, with connections of TLS that are idle or have not agreed on anything yet, ends", async () => {
  const { cert, key } = await certificate();
  const { server, port } = await proxyServer({ target: "http://127.0.0.1:1", tls: { cert, key } });
  const idle = await rawClient(port, { tls: { ca: cert } });
  const silent = await rawClient(port);
  await server.close({ graceMs: 20 });
  for (const client of [idle, silent]) expect((await client.readToEnd()).length).toBe(0);
});

/** A client that reads nothing, and the size of a response that the system does not take for it as a whole any more. */
async function firstUnsent(port: number, records: readonly unknown[]): Promise<{ client: Socket; size: number }> {
  for (let size = 2_000_000; ; size += 150_000) {
    const reported = records.length;
    const client = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    onTestFinished(() => void client.destroy());
    client.write(GET.replace("/", `/${size}`));
    await setTimeout(100);
    if (records.length === reported) return { client, size };
    client.destroy();
  }
}

/** What the server says with its GOAWAY. */
async function goaway(peer: Http2Peer): Promise<number | undefined> {
  return (await peer.untilGoaway()).errorCode;
}

/** Waits until the proxy has read what was sent to it so far: it has answered someone who came later. */
async function read(port: number): Promise<void> {
  const client = await rawClient(port);
  await client.write("nonsense\r\n\r\n");
  await client.readToEnd();
  client.end();
}
