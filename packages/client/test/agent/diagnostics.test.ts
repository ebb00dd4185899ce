import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { createServer } from "node:http2";

import { listen, rawServer, echoServer } from "@trailsum/testkit";
import { request } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";

import { http2Agent } from "../http2/exchanging.ts";
import { agents, echoed, failure } from "./side-by-side.ts";

interface Message {
  readonly request?: {
    readonly method: string;
    readonly path: string;
    readonly origin: string;
    readonly headers: string[];
    addHeader(name: string, value: string): unknown;
  };
  readonly response?: { readonly statusCode: number; readonly headers: Buffer[]; readonly statusText: string };
  readonly trailers?: Buffer[];
  readonly error?: Error;
  readonly headers?: string;
  readonly socket?: { readonly remotePort?: number };
  readonly chunk?: Uint8Array;
  readonly connectParams?: Record<string, unknown>;
  readonly connector?: unknown;
}

const channels = [
  ...["create", "bodyChunkSent", "bodySent", "headers", "bodyChunkReceived", "trailers", "error"].map(
    (name) => `request:${name}`,
  ),
  ...["beforeConnect", "connected", "connectError", "sendHeaders"].map((name) => `client:${name}`),
];

/** Everything that is published until the test ends. */
function published(onMessage: (name: string, message: Message) => void = () => {}): [string, Message][] {
  const all: [string, Message][] = [];
  for (const name of channels) {
    const listener = (message: unknown): void => {
      all.push([name, message as Message]);
      onMessage(name, message as Message);
    };
    subscribe(`undici:${name}`, listener);
    onTestFinished(() => void unsubscribe(`undici:${name}`, listener));
  }
  return all;
}

const texts = (buffers: readonly Buffer[] = []): string[] => buffers.map((buffer) => buffer.toString());

describe.each(agents)("%s publishes on undici's diagnostics channels", (_name, agent) => {
  test("what happens to a request, with the same object in every message", async () => {
    const server = await rawServer(async (connection) => {
      await connection.readHead();
      await connection.write("HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n");
    });
    const all = published();
    const dispatcher = agent();
    const headers = { "x-mine": "1" };
    const { body } = await request(`${server.origin}/a?b`, { dispatcher, method: "PUT", body: "some", headers });
    expect(await body.text()).toBe("ok");

    expect(all.map(([name]) => name)).toEqual([
      "request:create",
      "client:beforeConnect",
      "client:connected",
      "client:sendHeaders",
      "request:bodyChunkSent",
      "request:bodySent",
      "request:headers",
      "request:bodyChunkReceived",
      "request:trailers",
    ]);
    const messages = Object.fromEntries(all);
    const one = messages["request:create"]!.request!;
    expect(one).toMatchObject({ method: "PUT", path: "/a?b", origin: server.origin });
    expect(one.headers).toEqual(expect.arrayContaining(["x-mine", "1"]));
    for (const { request: reported } of all.map(([, message]) => message)) expect([one, undefined]).toContain(reported);
    expect(messages["client:sendHeaders"]!.headers).toMatch(/^PUT \/a\?b HTTP\/1.1\r\n(?:[\w-]+: .*\r\n)+$/);
    expect(messages["client:sendHeaders"]!.socket?.remotePort).toBe(server.port);
    expect(String(messages["request:bodyChunkSent"]!.chunk)).toBe("some");
    expect(messages["request:headers"]!.response).toMatchObject({ statusCode: 200, statusText: "Fine" });
    expect(texts(messages["request:headers"]!.response!.headers)).toEqual(["Transfer-Encoding", "chunked"]);
    expect(texts(messages["request:trailers"]!.trailers)).toEqual(["A", "b"]);
    const { connectParams, connector } = messages["client:connected"]!;
    const { port } = server;
    const expected = { host: `127.0.0.1:${port}`, hostname: "127.0.0.1", protocol: "http:", port: String(port) };
    expect(connectParams).toMatchObject({ ...expected, version: "h1" });
    expect(connector).toBeDefined();
  });

  test("a request that a subscriber adds header fields to, as tracers do", async () => {
    const server = await echoServer();
    published((name, message) => {
      if (name === "request:create") message.request!.addHeader("traceparent", "00-1-2-01");
    });
    const got = await echoed(await request(server.url, { dispatcher: agent() }));
    expect(got.headers["traceparent"]).toBe("00-1-2-01");
  });

  test("errors, of connecting and of the request", async () => {
    const all = published();
    expect(await failure(request("http://127.0.0.1:1/", { dispatcher: agent() }))).toBe("ECONNREFUSED");
    expect(all.map(([name]) => name)).toEqual([
      "request:create",
      "client:beforeConnect",
      "client:connectError",
      "request:error",
    ]);
    const failures = all.slice(2).map(([, { error }]) => error);
    expect(failures).toMatchObject([{ code: "ECONNREFUSED" }, { code: "ECONNREFUSED" }]);
  });
});

test("TrailerAgent publishes over HTTP/2 as well", async () => {
  const server = await listen(createServer((_request, response) => void response.end("ok")));
  const all = published();
  await (await request(server.origin, { dispatcher: http2Agent(), method: "PUT", body: "some" })).body.text();
  const messages = Object.fromEntries(all);
  expect(Object.keys(messages)).toHaveLength(9);
  expect(messages["client:connected"]!.connectParams).toMatchObject({ version: "h2" });
  expect(messages["client:sendHeaders"]!.headers).toContain(":method: PUT\r\n");
  expect(texts(messages["request:headers"]!.response!.headers)).toContain("date");
});

test("TrailerAgent lets no subscriber add a field that frames the message", async () => {
  const server = await echoServer();
  const errors: unknown[] = [];
  published((name, message) => {
    if (name !== "request:create") return;
    for (const field of ["content-length", "host", "connection", "transfer-encoding", "a\r\nb"]) {
      try {
        message.request!.addHeader(field, "1");
      } catch (error) {
        errors.push(error);
      }
    }
  });
  const [, ours] = agents[1]!;
  await (await request(server.url, { dispatcher: ours() })).body.dump();
  expect(errors).toHaveLength(5);
});
