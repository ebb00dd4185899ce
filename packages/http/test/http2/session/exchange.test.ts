import { describe, expect, test } from "vitest";

import { ClientSession, ServerSession } from "../../../src/http2/index.ts";
import { collectGarbage } from "../garbage.ts";
import { ask, exchange, fields, type ReceivedRequest, RecordingServer, RecordingSession } from "./events.ts";

function connect(answer?: (request: ReceivedRequest) => void) {
  const [clientSide, serverSide] = [new RecordingSession(), new RecordingServer(answer)];
  const [client, server] = [new ClientSession(clientSide), new ServerSession(serverSide)];
  client.start();
  server.start();
  exchange(client, server);
  return { client, server, clientSide, serverSide };
}

test("a request with content and trailers is answered with an interim response, content and trailers", () => {
  const { client, server, serverSide } = connect(({ stream, recording }) => {
    stream.sendInterim(103, fields("link", "</x>"));
    stream.respond(200, fields("Content-Type", "text/plain", "set-cookie", "a=1", "set-cookie", "b=2"));
    recording.sendAll("pong", { trailers: fields("Size", "4") });
  });
  const call = ask(client, { method: "PUT", endStream: false, lines: fields("x-a", "1", "x-b", "2", "x-a", "3") });
  call.sendAll("ping", { trailers: fields("md5", "x", "size", "4") });
  exchange(client, server);
  const [request] = serverSide.requests;
  expect(request?.seen).toMatchObject({ content: "ping", ended: true, events: ["request", "data", "trailers"] });
  expect(request?.seen.request).toMatchObject({ method: "PUT", scheme: "http", authority: "a.example", path: "/" });
  expect(request?.seen.request?.fields.raw).toEqual(["x-a", "1", "x-b", "2", "x-a", "3"]);
  expect(request?.seen.trailers?.raw).toEqual(["md5", "x", "size", "4"]);
  expect(call.seen).toMatchObject({
    content: "pong",
    ended: true,
    events: ["interim 103", "response 200", "data", "trailers"],
  });
  expect(call.seen.response?.fields.raw).toEqual([
    "content-type",
    "text/plain",
    "set-cookie",
    "a=1",
    "set-cookie",
    "b=2",
  ]);
  expect(call.seen.trailers?.raw).toEqual(["size", "4"]);
  expect([client.streamCount, server.streamCount]).toEqual([0, 0]);
});

describe("a large body", () => {
  test("passes through both windows", () => {
    const body = Buffer.alloc(10_000_000, "0123456789");
    const { client, server, serverSide } = connect(({ stream, recording }) => {
      stream.respond(200, fields());
      recording.sendAll(body, { endStream: true });
    });
    const call = ask(client, { method: "PUT", endStream: false });
    call.sendAll(body, { endStream: true });
    exchange(client, server);
    expect(call.seen.content === body.toString()).toBe(true);
    expect(serverSide.requests[0]?.seen.content === body.toString()).toBe(true);
  });
});

test("one line may be as long as the field list", () => {
  const serverSide = new RecordingServer();
  const client = new ClientSession(new RecordingSession());
  const server = new ServerSession(serverSide, { maxHeaderListSize: 300_000 });
  client.start();
  server.start();
  exchange(client, server);
  const value = "x".repeat(200_000);
  ask(client, { lines: fields("x-long", value) });
  exchange(client, server);
  expect(serverSide.requests[0]?.seen.request?.fields.get("x-long") === value).toBe(true);
});

test("a thousand requests can be under way at a time, and be answered in any order", () => {
  const serverSide = new RecordingServer();
  const [client, server] = [
    new ClientSession(new RecordingSession()),
    new ServerSession(serverSide, { maxConcurrentStreams: 1000 }),
  ];
  client.start();
  server.start();
  exchange(client, server);
  const calls = Array.from({ length: 1000 }, (_, index) => ask(client, { path: `/${index}` }));
  expect(client.canRequest).toBe(false);
  exchange(client, server);
  for (const { stream, seen } of serverSide.requests.toReversed()) {
    stream.respond(200, fields());
    stream.send(Buffer.from(seen.request!.path!), true);
  }
  exchange(client, server);
  expect(calls.map(({ seen }) => seen.content)).toEqual(calls.map((_, index) => `/${index}`));
});

test("connections that are idle hold no buffers, and little else", () => {
  const connections = Array.from({ length: 10 }, () => connect());
  collectGarbage();
  const before = process.memoryUsage();
  while (connections.length < 510) {
    const pair = connect(({ stream }) => stream.respond(200, fields("x-a", "1"), { endStream: true }));
    connections.push(pair);
    ask(pair.client, { lines: fields("x-a", "1") });
    exchange(pair.client, pair.server);
  }
  collectGarbage();
  const after = process.memoryUsage();
  // Frames are written into buffers of 16 KiB.
  expect((after.arrayBuffers - before.arrayBuffers) / 1000).toBeLessThan(4096);
  expect((after.heapUsed - before.heapUsed) / 1000).toBeLessThan(8000);
});

describe("a small message", () => {
  test("leaves in one buffer: header, content and trailers", () => {
    const { client } = connect();
    const call = ask(client, { method: "PUT", endStream: false });
    call.sendAll("content", { trailers: fields("md5", "x") });
    expect(client.takeOutput()).toHaveLength(1);
  });

  test("is announced once, however many there are", () => {
    const { client, clientSide } = connect();
    let announced = 0;
    clientSide.flush = (): void => void (announced += 1);
    for (let asked = 0; asked < 5; asked += 1) ask(client);
    expect(announced).toBe(1);
    client.takeOutput();
    ask(client);
    expect(announced).toBe(2);
  });
});

test("output may be taken as soon as it is announced", () => {
  const { client, server, clientSide, serverSide } = connect(({ stream, recording }) => {
    stream.respond(200, fields("x-a", "1"));
    recording.sendAll(Buffer.alloc(1_000_000, "x"), { trailers: fields("size", "1000000") });
  });
  // Nothing is received within a call of the other side.
  const [toServer, toClient]: Buffer[][] = [[], []];
  clientSide.flush = (): void => void toServer!.push(...client.takeOutput());
  serverSide.flush = (): void => void toClient!.push(...server.takeOutput());
  const call = ask(client);
  while (toServer!.length + toClient!.length > 0) {
    for (const bytes of toServer!.splice(0)) server.receive(bytes);
    for (const bytes of toClient!.splice(0)) client.receive(bytes);
  }
  expect(call.seen).toMatchObject({ ended: true, events: ["response 200", "data", "trailers"] });
  expect(call.seen.content).toHaveLength(1_000_000);
});

test.each<[what: string, before: boolean, send: (stream: ReceivedRequest["stream"]) => unknown]>([
  ["a header", false, (stream) => stream.respond(204, fields(), { endStream: true })],
  ["content", true, (stream) => stream.send(Buffer.alloc(100_000), true)],
  ["trailers", true, (stream) => stream.sendTrailers(fields("x-a", "1"))],
  ["an end", true, (stream) => stream.send(Buffer.alloc(0), true)],
])("the transport may turn out to have closed while %s is sent", (_what, before, send) => {
  const { client, server, serverSide } = connect();
  ask(client);
  exchange(client, server);
  const { stream, seen } = serverSide.requests[0]!;
  if (before) stream.respond(200, fields());
  server.takeOutput();
  serverSide.flush = (): void => server.disconnected();
  send(stream);
  expect(seen.reset).toMatchObject({ by: "connection" });
  expect([server.streamCount, serverSide.closedStreams]).toEqual([0, 1]);
});

describe("an invalid call is refused, and nothing is sent", () => {
  test.each<[what: string, call: (request: ReceivedRequest) => void]>([
    ["content before the header", ({ stream }) => stream.send(Buffer.from("x"))],
    ["trailers before the header", ({ stream }) => stream.sendTrailers(fields("x", "y"))],
    ["an interim status for a final response", ({ stream }) => stream.respond(103, fields())],
    ["a final status for an interim response", ({ stream }) => stream.sendInterim(200, fields())],
    ["the status 101", ({ stream }) => stream.sendInterim(101, fields())],
    ["a status of four digits", ({ stream }) => stream.respond(2000, fields())],
    ["a field of a connection", ({ stream }) => stream.respond(200, fields("Connection", "close"))],
    ["an invalid name", ({ stream }) => stream.respond(200, fields("x y", "z"))],
    ["a pseudo-header field", ({ stream }) => stream.respond(200, fields(":status", "204"))],
    ["an invalid value", ({ stream }) => stream.respond(200, fields("x", "a\r\nb: c"))],
    ["TE other than trailers", ({ stream }) => stream.respond(200, fields("te", "gzip"))],
  ])("%s", (_what, call) => {
    const { client, server, serverSide } = connect();
    ask(client);
    exchange(client, server);
    const [request] = serverSide.requests;
    expect(() => call(request!)).toThrow(expect.objectContaining({ code: "USAGE" }));
    expect(server.takeOutput()).toEqual([]);
    // Nothing has changed.
    request!.stream.respond(200, fields(), { endStream: true });
  });

  test("a second header, and anything after the end", () => {
    const { client, server, serverSide } = connect();
    ask(client, { method: "PUT", endStream: false });
    exchange(client, server);
    const { stream } = serverSide.requests[0]!;
    stream.respond(200, fields());
    const usage = expect.objectContaining({ code: "USAGE" }) as unknown;
    expect(() => stream.respond(200, fields())).toThrow(usage);
    expect(() => stream.sendInterim(103, fields())).toThrow(usage);
    stream.send(Buffer.from("x"), true);
    expect(() => stream.send(Buffer.from("y"))).toThrow(usage);
    expect(() => stream.sendTrailers(fields("x", "y"))).toThrow(usage);
  });

  test.each([
    ["a method that is not a token", { method: "P T" }],
    ["a path with a space", { path: "/a b" }],
  ])("a request with %s", (_what, wrong) => {
    const { client } = connect();
    expect(() => ask(client, wrong)).toThrow(expect.objectContaining({ code: "USAGE" }));
    expect([client.takeOutput(), client.streamCount]).toEqual([[], 0]);
  });

  test.each([{ initialWindowSize: 2 ** 31 }, { maxFrameSize: 100 }])("settings of %o", (settings) => {
    const { client } = connect();
    expect(() => client.updateSettings(settings)).toThrow(expect.objectContaining({ code: "USAGE" }));
    expect(client.takeOutput()).toEqual([]);
  });

  test("a window of the connection below the default", () => {
    const create = (): unknown => new ClientSession(new RecordingSession(), { connectionWindow: 1000 });
    expect(create).toThrow(expect.objectContaining({ code: "USAGE" }));
  });

  test("a PING of seven octets", () => {
    const { client } = connect();
    expect(() => client.ping(Buffer.alloc(7))).toThrow(expect.objectContaining({ code: "USAGE" }));
  });
});

test("calls on a stream that has been reset do nothing", () => {
  const { client, server, serverSide } = connect();
  const call = ask(client, { method: "PUT", endStream: false });
  exchange(client, server);
  call.stream!.reset();
  exchange(client, server);
  const { stream } = serverSide.requests[0]!;
  stream.sendInterim(103, fields());
  stream.respond(200, fields());
  expect(stream.send(Buffer.from("x"), true)).toBe(0);
  stream.sendTrailers(fields("x", "y"));
  stream.consume(10);
  stream.reset();
  expect([server.takeOutput(), stream.sendable, stream.state]).toEqual([[], 0, "closed"]);
});

test("lines that may not be indexed stay so on the next connection (RFC 7541 section 6.2.3)", () => {
  const { client, server, serverSide } = connect(({ stream }) => {
    stream.respond(200, fields("x-key", "secret", "x-other", "1"), { endStream: true, neverIndexed: ["x-key"] });
  });
  const call = ask(client);
  exchange(client, server);
  expect(serverSide.requests).toHaveLength(1);
  expect(call.seen.response).toMatchObject({ neverIndexed: ["x-key"] });
});
