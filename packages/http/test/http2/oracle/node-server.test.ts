import { once } from "node:events";
import { createServer, type ServerHttp2Session, type ServerHttp2Stream, type ServerOptions } from "node:http2";
import { connect } from "node:net";

import { listen, until } from "@trailsum/testkit";
import * as fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";

import { ClientSession, type SessionOptions } from "../../../src/http2/index.ts";
import { ask, fields, RecordingSession } from "../session/events.ts";
import { onSocket } from "../session/on-socket.ts";

type OnStream = (stream: ServerHttp2Stream, raw: string[], session: ServerHttp2Session) => void;

/** A server of Node (nghttp2), and the core as its client. */
async function connectTo(
  onStream: OnStream,
  options: SessionOptions = {},
  settings: ServerOptions = {},
): Promise<{ client: ClientSession; recording: RecordingSession }> {
  const server = createServer(settings);
  server.on("stream", (stream, _headers, _flags, raw: string[]) => {
    stream.on("error", () => {});
    onStream(stream, raw, stream.session as ServerHttp2Session);
  });
  const { port } = await listen(server);
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  const recording = new RecordingSession();
  const client = new ClientSession(recording, options);
  onSocket(client, recording, socket);
  client.start();
  await until(
    () => client.remoteSettings !== undefined,
    () => "no SETTINGS came",
  );
  return { client, recording };
}

/** Answers with what was sent once it is complete. */
function echo(stream: ServerHttp2Stream, raw: string[]): void {
  const content: Buffer[] = [];
  let trailers: string[] = [];
  stream.on("data", (piece: Buffer) => content.push(piece));
  stream.on("trailers", (_headers, _flags, lines: string[]) => (trailers = lines));
  stream.on("end", () => {
    const pairs = (lines: readonly string[]): Record<string, string> =>
      Object.fromEntries(
        lines.flatMap((name, at) => (at % 2 === 0 && !name.startsWith(":") ? [[name, lines[at + 1]!]] : [])),
      );
    stream.respond({ ":status": 200, ...pairs(raw) }, { waitForTrailers: true, sendDate: false } as never);
    stream.on("wantTrailers", () => stream.sendTrailers(pairs(trailers)));
    stream.end(Buffer.concat(content));
  });
}

describe("the core gets from a server of nghttp2", () => {
  test("interim responses, content and trailers", async () => {
    const { client } = await connectTo((stream) => {
      stream.additionalHeaders({ ":status": 103, link: "</a>" });
      stream.respond({ ":status": 201, "x-a": "1" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ md5: "abc" }));
      stream.end("content");
    });
    const call = ask(client);
    await call.over;
    expect(call.seen).toMatchObject({
      content: "content",
      events: ["interim 103", "response 201", "data", "trailers"],
    });
    expect(call.seen.trailers?.raw).toEqual(["md5", "abc"]);
  });

  test("a response to HEAD, whose length is that of what it leaves out", async () => {
    const { client } = await connectTo((stream) => {
      stream.respond({ ":status": 200, "content-length": 1000 }, { endStream: true });
    });
    const call = ask(client, { method: "HEAD" });
    await call.over;
    expect(call.seen).toMatchObject({ ended: true, events: ["response 200"] });
  });

  test("a reset, and its code", async () => {
    const { client } = await connectTo((stream) => stream.close(0x7));
    const call = ask(client);
    await call.over;
    expect(call.seen.reset).toMatchObject({ code: 0x7, by: "peer" });
    expect(client.streamCount).toBe(0);
  });

  test("its requests back, with content and trailers, many at a time", async () => {
    const { client } = await connectTo(echo, {}, { settings: { maxConcurrentStreams: 200 } });
    const calls = Array.from({ length: 100 }, (_, index) => {
      const call = ask(client, { method: "PUT", endStream: false, lines: fields("x-index", String(index)) });
      call.sendAll("x".repeat(index * 100), { trailers: fields("x-trailer", String(index)) });
      return call;
    });
    await Promise.all(calls.map(({ over }) => over));
    for (const [index, { seen }] of calls.entries()) {
      expect(seen.content).toHaveLength(index * 100);
      expect(seen.trailers?.raw).toEqual(["x-trailer", String(index)]);
      expect(seen.response?.fields.get("x-index")).toBe(String(index));
    }
  });

  test.each<[what: string, options: SessionOptions, settings: ServerOptions]>([
    ["the windows of both sides as they come", {}, {}],
    ["small windows of the server", {}, { settings: { initialWindowSize: 100 } }],
    ["small windows of the client", { streamWindow: 1000, connectionWindow: 65_535 }, {}],
    ["large frames of the server", {}, { settings: { maxFrameSize: 1_000_000, initialWindowSize: 5_000_000 } }],
  ])("large content, through %s", async (_what, options, settings) => {
    const { client } = await connectTo(echo, options, settings);
    const content = Buffer.alloc(400_000, "0123456789");
    const call = ask(client, { method: "PUT", endStream: false, lines: fields("content-length", "400000") });
    call.sendAll(content, { endStream: true });
    await call.over;
    expect(call.seen.content === content.toString()).toBe(true);
  });

  test("an answer to PING", async () => {
    const { client, recording } = await connectTo(echo);
    client.ping(Buffer.from("12345678"));
    await until(
      () => recording.pongs.length > 0,
      () => "no answer came",
    );
    expect(recording.pongs).toEqual(["12345678"]);
  });

  test("GOAWAY, after which it begins nothing, and the answer to what it has asked before", async () => {
    const { client, recording } = await connectTo((stream, _raw, session) => {
      session.close();
      setImmediate(() => {
        stream.respond({ ":status": 200 });
        stream.end("last");
      });
    });
    const call = ask(client);
    await call.over;
    await until(
      () => recording.closed,
      () => "the connection stays open",
    );
    expect(recording.goaways.length).toBeGreaterThan(0);
    expect(client.canRequest).toBe(false);
    expect(call.seen.content).toBe("last");
  });
});

const name = fc.stringMatching(/^x-[a-z0-9_-]{0,20}$/);
const value = fc.stringMatching(/^(?:[!-~](?:[ -~]{0,60}[!-~])?)?$/);
const lines = fc.uniqueArray(fc.tuple(name, value), { maxLength: 20, selector: ([text]) => text });

test.each([0, 100, 4096, 65_536])("field sections cross in both directions with a table of %i octets", async (size) => {
  const { client } = await connectTo(echo, { headerTableSize: size }, { settings: { headerTableSize: size } });
  await fc.assert(
    fc.asyncProperty(fc.array(lines, { minLength: 1, maxLength: 5 }), async (sections) => {
      for (const section of sections) {
        const call = ask(client, { lines: fields(...section.flat()) });
        await call.over;
        const raw = call.seen.response?.fields.raw ?? [];
        expect(raw.filter((_, at) => raw[at - (at % 2)]!.startsWith("x-"))).toEqual(section.flat());
      }
    }),
    { numRuns: 60 },
  );
});
