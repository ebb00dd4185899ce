import type { IncomingMessage, ServerResponse } from "node:http";
import { createSecureServer, type ServerHttp2Stream } from "node:http2";
import { Readable } from "node:stream";

import {
  certificate,
  errorCodes,
  type FieldPairs,
  goawayFrame,
  type Http2Peer,
  listen,
  rawHttp2Server,
} from "@trailsum/testkit";
import { describe, expect, onTestFinished, test } from "vitest";

import { TrailerAgent, type TrailerDispatchOptions } from "../../src/index.ts";
import { answerEach, http2Agent, send } from "./exchanging.ts";

const OK: FieldPairs = [[":status", "200"]];
const LAST_ID = 2 ** 31 - 1;

/** Answers every request with 200, and what came in its content. */
function answerAll(peer: Http2Peer): Promise<void> {
  return answerEach(peer, async (stream) => {
    await stream.untilEnd();
    await stream.headers(OK);
    await stream.body(`got ${stream.data.toString()}`, { endStream: true });
  });
}

/** Ways in which a server says that it has not begun with stream 1 and the next ones. */
const refusals: readonly (readonly [name: string, refuse: (peer: Http2Peer) => unknown])[] = [
  ["RST_STREAM(REFUSED_STREAM)", (peer) => peer.stream(1).reset(errorCodes.REFUSED_STREAM)],
  ["GOAWAY with an earlier stream", (peer) => peer.send(goawayFrame(0))],
  ["GOAWAY with an earlier stream, and an error", (peer) => peer.send(goawayFrame(0, errorCodes.ENHANCE_YOUR_CALM))],
  [
    "GOAWAY with an earlier stream, and the end of the connection",
    (peer) => {
      void peer.send(goawayFrame(0));
      peer.connection.end();
    },
  ],
  [
    "GOAWAY with an earlier stream, and a reset of the connection",
    async (peer) => {
      await peer.send(goawayFrame(0));
      await peer.untilGoaway();
      peer.connection.reset();
    },
  ],
];

describe.each(refusals)("a request refused by %s", (_name, refuse) => {
  test.each<readonly [string, Partial<TrailerDispatchOptions>]>([
    ["GET", { method: "GET" }],
    ["POST of a text", { method: "POST", body: "content" }],
    ["PUT of a text with trailers", { method: "PUT", body: "content", trailers: () => ({ a: "b" }) }],
  ])("is sent again: %s", async (_what, options) => {
    const server = await rawHttp2Server(async (peer, index) => {
      if (index === 0) {
        await (await peer.accept()).untilEnd();
        await refuse(peer);
      }
      await answerAll(peer);
    });
    const { status, content, error } = await send(http2Agent(), server, options).ended;
    expect(error).toBeUndefined();
    expect([status, content]).toEqual([200, options.body === undefined ? "got " : "got content"]);
  });

  test("is not sent again when its body has been begun with, and can be read only once", async () => {
    const server = await rawHttp2Server(async (peer) => {
      await (await peer.accept()).untilData(4);
      await refuse(peer);
    });
    const body = new Readable({ read() {} });
    body.push("some");
    const { error } = await send(http2Agent(), server, { method: "PUT", body }).ended;
    expect(error).toMatchObject({ code: "UND_ERR_SOCKET", http2ErrorCode: errorCodes.REFUSED_STREAM });
    expect(body.destroyed).toBe(true);
    expect(server.peers).toHaveLength(1);
  });

  test("is sent again when its body has not been begun with, as it waits for a 100", async () => {
    const server = await rawHttp2Server(async (peer, index) => {
      const stream = await peer.accept();
      if (index === 0 && stream.id === 1) await refuse(peer);
      const again = index === 0 ? await peer.accept().catch(() => undefined) : stream;
      if (again === undefined) return;
      await again.headers([[":status", "100"]]);
      await again.untilEnd();
      await again.headers(OK, { endStream: true });
    });
    const agent = http2Agent({ expectContinueTimeout: 0 });
    const options = { method: "PUT", body: Readable.from(["content"]), expectContinue: true } as const;
    expect(await send(agent, server, options).ended).toMatchObject({ status: 200 });
    expect([...server.peers.at(-1)!.streams.values()].at(-1)!.data.toString()).toBe("content");
  });
});

test("a request that is refused again and again fails in the end", async () => {
  let refused = 0;
  const server = await rawHttp2Server((peer) =>
    answerEach(peer, (stream) => {
      refused += 1;
      return stream.reset(errorCodes.REFUSED_STREAM);
    }),
  );
  const { error } = await send(http2Agent(), server).ended;
  expect(error).toMatchObject({ code: "UND_ERR_SOCKET", http2ErrorCode: errorCodes.REFUSED_STREAM });
  expect(refused).toBe(4);
});

describe("a request that a server wants over HTTP/1.1", () => {
  test("goes there where TLS lets that be chosen", async () => {
    const { key, cert } = await certificate();
    const server = createSecureServer({ key, cert, allowHTTP1: true });
    server.on("stream", (stream: ServerHttp2Stream) => stream.close(errorCodes.HTTP_1_1_REQUIRED));
    server.on("request", (incoming: IncomingMessage, response: ServerResponse) => {
      if (incoming.httpVersion === "1.1") response.end("over 1.1");
    });
    const listening = await listen(server);
    const agent = new TrailerAgent({ connect: { ca: cert } });
    onTestFinished(() => agent.destroy());
    expect((await send(agent, listening, { method: "POST", body: "content" }).ended).content).toBe("over 1.1");
  });

  test("fails where nothing but HTTP/2 is spoken, or its body has been begun with", async () => {
    const server = await rawHttp2Server((peer) =>
      answerEach(peer, async (stream) => {
        if (stream.fields!.some(([, value]) => value === "PUT")) await stream.untilData(4);
        await stream.reset(errorCodes.HTTP_1_1_REQUIRED);
      }),
    );
    const agent = http2Agent();
    expect((await send(agent, server).ended).error).toMatchObject({ code: "UND_ERR_NOT_SUPPORTED" });
    const { error } = await send(agent, server, { method: "PUT", body: Readable.from(["some"]) }).ended;
    expect(error).toMatchObject({ code: "UND_ERR_SOCKET", http2ErrorCode: errorCodes.HTTP_1_1_REQUIRED });
  });
});

test("after GOAWAY, what the server has begun with goes on, and everything else on another connection", async () => {
  const server = await rawHttp2Server(async (peer, index) => {
    if (index > 0) return answerAll(peer);
    const [begun] = [await peer.accept(), await peer.accept(), await peer.accept()];
    await begun.headers(OK);
    await peer.send(goawayFrame(1));
    // Only now that another connection has answered
    await expect.poll(() => server.peers[1]?.streams.size).toBe(3);
    await begun.body("went on");
    await begun.endWithTrailers([["x-t", "1"]]);
    return peer.untilClosed();
  });
  const agent = http2Agent();
  const [begun, ...others] = [1, 2, 3].map(() => send(agent, server));
  const refused = await Promise.all(others.map(({ ended }) => ended));
  expect(refused.map(({ status }) => status)).toEqual([200, 200]);
  expect((await send(agent, server).ended).status).toBe(200);
  expect(await begun!.ended).toMatchObject({ status: 200, content: "went on", trailers: ["x-t", "1"] });
});

test("with one connection at most, GOAWAY makes room for another, though a stream continues", async () => {
  const server = await rawHttp2Server(async (peer, index) => {
    if (index > 0) return answerAll(peer);
    const begun = await peer.accept();
    await begun.headers(OK);
    await peer.send(goawayFrame(LAST_ID));
    await expect.poll(() => server.peers[1]?.streams.size).toBe(1);
    return begun.body("went on", { endStream: true });
  });
  const agent = http2Agent({ connections: 1 });
  const begun = send(agent, server);
  await expect.poll(() => begun.reported.status).toBe(200);
  expect((await send(agent, server).ended).status).toBe(200);
  expect((await begun.ended).content).toBe("went on");
});

test("a request that GOAWAY overtakes before it has left goes on another connection, whatever its method", async () => {
  const server = await rawHttp2Server((peer) => answerAll(peer));
  const agent = http2Agent();
  await send(agent, server).ended;
  const late = await new Promise<ReturnType<typeof send>>((resolve) => {
    // Both in one turn, with time for GOAWAY to arrive: it is read before the HEADERS that follow are written.
    setImmediate(() => {
      void server.peers[0]!.send(goawayFrame(LAST_ID));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30);
      resolve(send(agent, server, { method: "POST", body: "late" }));
    });
  });
  expect(await late.ended).toMatchObject({ status: 200, content: "got late" });
  expect(server.peers).toHaveLength(2);
  expect([...server.peers[0]!.streams.keys()]).toEqual([1]);
});

describe("when a connection that has served before is lost without a word", () => {
  const lossy = (): ReturnType<typeof rawHttp2Server> =>
    rawHttp2Server(async (peer, index) => {
      if (index > 0) return answerAll(peer);
      await (await peer.accept()).headers(OK, { endStream: true });
      await peer.accept();
      return peer.connection.reset();
    });

  test.each<readonly [string, Partial<TrailerDispatchOptions>]>([
    ["GET", { method: "GET" }],
    ["PUT", { method: "PUT", body: "content" }],
    ["POST that is declared idempotent", { method: "POST", body: "content", idempotent: true }],
  ])("an idempotent request is sent again: %s", async (_what, options) => {
    const server = await lossy();
    const agent = http2Agent();
    await send(agent, server).ended;
    expect((await send(agent, server, options).ended).status).toBe(200);
  });

  test.each<readonly [string, Partial<TrailerDispatchOptions>]>([
    ["POST", { method: "POST", body: "content" }],
    ["GET that is declared not idempotent", { method: "GET", idempotent: false }],
    ["PUT whose body can be read only once", { method: "PUT", body: Readable.from(["content"]) }],
  ])("another is not: %s", async (_what, options) => {
    const server = await lossy();
    const agent = http2Agent();
    await send(agent, server).ended;
    const { error } = await send(agent, server, options).ended;
    expect(error?.code).toMatch(/^(?:ECONNRESET|EPIPE|UND_ERR_SOCKET)$/);
    expect(server.peers).toHaveLength(1);
  });

  test("nothing is sent again of which an answer has begun", async () => {
    for (const begin of [
      [":status", "103"],
      [":status", "200"],
    ] as const) {
      const server = await rawHttp2Server(async (peer) => {
        await (await peer.accept()).headers(OK, { endStream: true });
        await (await peer.accept()).headers([begin]);
        await peer.ping();
        peer.connection.reset();
      });
      const agent = http2Agent();
      await send(agent, server).ended;
      expect((await send(agent, server).ended).error).toMatchObject({ code: "ECONNRESET" });
      expect(server.peers).toHaveLength(1);
    }
  });
});
