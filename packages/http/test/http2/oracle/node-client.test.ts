import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from "node:http2";
import { createServer } from "node:net";
import { buffer } from "node:stream/consumers";

import { listen } from "@trailsum/testkit";
import * as fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";

import { ServerSession, type ServerSessionOptions } from "../../../src/http2/index.ts";
import { fields, type ReceivedRequest, RecordingServer } from "../session/events.ts";
import { onSocket } from "../session/on-socket.ts";

interface Served {
  readonly client: ClientHttp2Session;
  readonly requests: ReceivedRequest[];
  readonly server: RecordingServer;
}

/** A client of Node (nghttp2), and the core as its server. */
async function serve(
  answer: (request: ReceivedRequest) => void,
  options: ServerSessionOptions = {},
  settings: Parameters<typeof connect>[1] = {},
): Promise<Served> {
  const recording = new RecordingServer(answer);
  const { origin } = await listen(
    createServer((socket) => {
      const session = new ServerSession(recording, options);
      onSocket(session, recording, socket);
      session.start();
    }),
  );
  const client = connect(origin, settings);
  onTestFinished(() => client.destroy());
  await once(client, "remoteSettings");
  return { client, requests: recording.requests, server: recording };
}

/** What came back of a request. */
async function answerOf(stream: ClientHttp2Stream) {
  const interim: number[] = [];
  let trailers: string[] = [];
  stream.on("headers", (headers) => interim.push(Number(headers[":status"])));
  stream.on("trailers", (_headers, _flags, raw: string[]) => (trailers = raw));
  const [responded, content] = await Promise.all([
    once(stream, "response") as Promise<[OutgoingHttpHeaders, number, string[]]>,
    buffer(stream),
  ]);
  return { interim, status: responded[0][":status"], raw: responded[2], content, trailers };
}

/** Answers with what was received once it is complete. */
function echo({ stream, recording, seen }: ReceivedRequest): void {
  void recording.over.then(() => {
    if (!seen.ended) return;
    stream.respond(200, seen.request!.fields);
    recording.sendAll(Buffer.from(seen.content, "latin1"), { trailers: seen.trailers ?? fields() });
  });
}

describe("a client of nghttp2 gets from the core", () => {
  test("interim responses, content and trailers", async () => {
    const { client } = await serve(({ stream }) => {
      stream.sendInterim(103, fields("link", "</a>"));
      stream.respond(201, fields("x-a", "1", "x-b", "2", "x-a", "3"));
      stream.send(Buffer.from("content"));
      stream.sendTrailers(fields("md5", "abc", "size", "7"));
    });
    const answer = await answerOf(client.request({ ":path": "/" }));
    expect(answer).toMatchObject({ interim: [103], status: 201, trailers: ["md5", "abc", "size", "7"] });
    expect(answer.raw).toEqual([":status", "201", "x-a", "1", "x-b", "2", "x-a", "3"]);
    expect(answer.content.toString()).toBe("content");
  });

  test("a response without content", async () => {
    const { client } = await serve(({ stream }) => stream.respond(204, fields("x-a", "1"), { endStream: true }));
    expect(await answerOf(client.request({ ":path": "/" }))).toMatchObject({ status: 204, content: Buffer.alloc(0) });
  });

  test("a reset with the code that was given", async () => {
    const { client } = await serve(({ stream }) => stream.reset(0xb));
    const stream = client.request({ ":path": "/" });
    await expect(once(stream, "response")).rejects.toThrow("NGHTTP2_ENHANCE_YOUR_CALM");
    expect(stream.rstCode).toBe(0xb);
  });

  test("its requests back, with content and trailers, many at a time", async () => {
    const { client } = await serve(echo);
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) => {
        const stream = client.request(
          { ":method": "PUT", ":path": `/${index}`, "x-index": index },
          { waitForTrailers: true },
        );
        stream.on("wantTrailers", () => stream.sendTrailers({ "x-trailer": index }));
        stream.end("x".repeat(index * 100));
        return answerOf(stream);
      }),
    );
    for (const [index, answer] of answers.entries()) {
      expect(answer.content).toHaveLength(index * 100);
      expect(answer.trailers).toEqual(["x-trailer", String(index)]);
      expect(answer.raw).toContain(String(index));
    }
  });

  test.each([
    ["the windows of both sides as they come", {}, {}],
    ["small windows of the client", {}, { settings: { initialWindowSize: 100 } }],
    ["small windows of the server", { streamWindow: 1000, connectionWindow: 65_535 }, {}],
    ["large frames of the client", {}, { settings: { maxFrameSize: 1_000_000, initialWindowSize: 5_000_000 } }],
  ])("large content, through %s", async (_what, options, settings) => {
    const { client } = await serve(echo, options, settings);
    const content = Buffer.alloc(400_000, "0123456789");
    const stream = client.request({ ":method": "PUT", ":path": "/", "content-length": content.length });
    stream.end(content);
    const answer = await answerOf(stream);
    expect(answer.content.equals(content)).toBe(true);
  });

  test("an answer to PING, and acknowledged SETTINGS", async () => {
    const { client } = await serve(echo);
    const payload = Buffer.from("12345678");
    const echoed = await new Promise((resolve) => client.ping(payload, (_error, _time, back) => resolve(back)));
    expect(echoed).toEqual(payload);
    client.settings({ initialWindowSize: 1 });
    await once(client, "localSettings");
  });

  test("GOAWAY in both phases, and the answer to what it has asked before", async () => {
    let session: ServerSession;
    const recording = new RecordingServer(() => session.shutdown());
    const { origin } = await listen(
      createServer((socket) => {
        session = new ServerSession(recording);
        onSocket(session, recording, socket);
        session.start();
      }),
    );
    const client = connect(origin);
    const goaways: (readonly [code: number, last: number])[] = [];
    client.on("goaway", (code, last) => {
      goaways.push([code, last]);
      if (last === 1) recording.requests[0]!.stream.respond(200, fields(), { endStream: true });
    });
    const closed = once(client, "close");
    expect(await answerOf(client.request({ ":path": "/" }))).toMatchObject({ status: 200 });
    await closed;
    expect(goaways).toEqual([
      [0, 2 ** 31 - 1],
      [0, 1],
    ]);
  });
});

// Node lower-cases names, refuses fields of a connection, and adds to Date and Cookie what it thinks fit.
const name = fc
  .stringMatching(/^[a-z][a-z0-9_-]{0,20}$/)
  .filter(
    (text) =>
      !/^(?:date|cookie|te|host|connection|upgrade|keep-alive|proxy-connection|transfer-encoding|http2-settings|content-length|set-cookie)$/.test(
        text,
      ),
  );
const value = fc.stringMatching(/^(?:[!-~](?:[ -~]{0,60}[!-~])?)?$/);
const lines = fc.uniqueArray(fc.tuple(name, value), { maxLength: 20, selector: ([text]) => text });

test.each([0, 100, 4096, 65_536])("field sections cross in both directions with a table of %i octets", async (size) => {
  const { client } = await serve(echo, { headerTableSize: size }, { settings: { headerTableSize: size } });
  await fc.assert(
    fc.asyncProperty(fc.array(lines, { minLength: 1, maxLength: 5 }), async (sections) => {
      for (const section of sections) {
        const stream = client.request({ ":path": "/", ...Object.fromEntries(section) });
        const { raw } = await answerOf(stream);
        expect(raw.slice(2)).toEqual(section.flat());
      }
    }),
    { numRuns: 60 },
  );
});
