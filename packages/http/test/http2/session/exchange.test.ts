import { describe, expect, test } from "vitest";

import { ClientSession, ServerSession } from "../../../src/http2/index.ts";
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
