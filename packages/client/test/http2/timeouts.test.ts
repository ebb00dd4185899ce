import { Readable } from "node:stream";

import { errorCodes, type FieldPairs, rawHttp2Server, rawServer, windowUpdateFrame } from "@trailsum/testkit";
import { describe, expect, onTestFinished, test, vi } from "vitest";

import { answerEach, http2Agent, send } from "./exchanging.ts";

const OK: FieldPairs = [[":status", "200"]];
const UNLIMITED = { headersTimeout: 0, bodyTimeout: 0 };

/** Time passes only where the test says so; sockets know nothing of it. */
function stopTheClock(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
}

/** Waits without a clock. */
async function happening(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

describe("an exchange times out, and its connection continues when it answers,", () => {
  test("when no head comes once the request has been sent", async () => {
    const server = await rawHttp2Server(async (peer) => {
      expect(await (await peer.accept()).untilReset()).toBe(errorCodes.CANCEL);
      await (await peer.accept()).headers(OK, { endStream: true });
    });
    const agent = http2Agent({ headersTimeout: 50 });
    const { error } = await send(agent, server, { method: "PUT", body: Readable.from(["content"]) }).ended;
    expect(error).toMatchObject({ code: "UND_ERR_HEADERS_TIMEOUT" });
    expect((await send(agent, server, UNLIMITED).ended).status).toBe(200);
    expect(server.peers).toHaveLength(1);
    await server.finished();
  });

  test("when its content rests", async () => {
    const server = await rawHttp2Server(async (peer) => {
      const stream = await peer.accept();
      await stream.headers(OK);
      await stream.body("some");
      expect(await stream.untilReset()).toBe(errorCodes.CANCEL);
      await (await peer.accept()).headers(OK, { endStream: true });
    });
    const agent = http2Agent({ bodyTimeout: 50 });
    const reported = await send(agent, server).ended;
    expect(reported).toMatchObject({ content: "some", error: { code: "UND_ERR_BODY_TIMEOUT" } });
    expect((await send(agent, server, UNLIMITED).ended).status).toBe(200);
    expect(server.peers).toHaveLength(1);
    await server.finished();
  });

  test("when the server stops reading a body", async () => {
    const server = await rawHttp2Server(
      async (peer) => {
        for (let count = 0; count < 2; count++) {
          const stream = await peer.accept();
          expect(await stream.untilReset()).toBe(errorCodes.CANCEL);
          expect(stream.ended).toBe(false);
          await peer.send(windowUpdateFrame(0, stream.data.length));
        }
      },
      { updateWindows: false },
    );
    const agent = http2Agent({ bodyTimeout: 50, headersTimeout: 50 });
    for (const body of [Buffer.alloc(300_000), Readable.from([Buffer.alloc(300_000)])]) {
      const { error } = await send(agent, server, { method: "PUT", body }).ended;
      expect(error).toMatchObject({ code: "UND_ERR_BODY_TIMEOUT" });
    }
    await server.finished();
  });
});

describe("an exchange does not time out", () => {
  test("as long as something goes, however slowly", async () => {
    stopTheClock();
    const server = await rawHttp2Server(async (peer) => void (await peer.accept()), { updateWindows: false });
    const agent = http2Agent({ bodyTimeout: 300, headersTimeout: 300 });
    const { ended } = send(agent, server, { method: "PUT", body: Buffer.alloc(1_300_000) });
    await happening(() => server.peers[0]?.streams.get(1)?.data.length === 65_535);
    const [peer] = server.peers;
    const stream = peer!.stream(1);
    while (!stream.ended) {
      const before = stream.data.length;
      vi.advanceTimersByTime(250);
      await peer!.send(windowUpdateFrame(0, 262_144), windowUpdateFrame(1, 262_144));
      await happening(() => stream.ended || stream.data.length === before + 262_144);
    }
    vi.advanceTimersByTime(250);
    await stream.headers(OK, { endStream: true });
    expect((await ended).status).toBe(200);
  });

  test("as long as something comes, however slowly", async () => {
    stopTheClock();
    const server = await rawHttp2Server(async (peer) => (await peer.accept()).headers(OK));
    const { reported, ended } = send(http2Agent({ bodyTimeout: 300, headersTimeout: 300 }), server);
    await happening(() => reported.status === 200);
    const stream = server.peers[0]!.stream(1);
    for (let count = 1; count <= 5; count++) {
      vi.advanceTimersByTime(250);
      await stream.body("x");
      await happening(() => reported.content.length === count);
    }
    await stream.body("", { endStream: true });
    expect(await ended).toMatchObject({ content: "xxxxx", trailers: [] });
  });

  test("while the source of its body rests", async () => {
    stopTheClock();
    const server = await rawHttp2Server(async (peer) => void (await peer.accept()));
    const body = new Readable({ read() {} });
    const { ended } = send(http2Agent({ bodyTimeout: 300, headersTimeout: 300 }), server, { method: "PUT", body });
    for (let count = 1; count <= 3; count++) {
      body.push(Buffer.alloc(300_000));
      await happening(() => server.peers[0]?.streams.get(1)?.data.length === count * 300_000);
      // What was sent has left by then, and the agent has heard so.
      await server.peers[0]!.ping();
      vi.advanceTimersByTime(3_000);
    }
    body.push(null);
    await server.peers[0]!.stream(1).untilEnd();
    await server.peers[0]!.stream(1).headers(OK, { endStream: true });
    expect((await ended).status).toBe(200);
  });

  test("while its handler rests, or where it has no limit", async () => {
    stopTheClock();
    const server = await rawHttp2Server((peer) => answerEach(peer, (stream) => stream.headers(OK)));
    const agent = http2Agent({ bodyTimeout: 300, headersTimeout: 300 });
    const rested = send(agent, server, {}, (controller) => controller.pause());
    const unlimited = send(agent, server, { headersTimeout: 0, bodyTimeout: 0 });
    await happening(() => rested.reported.status === 200 && unlimited.reported.status === 200);
    vi.advanceTimersByTime(5_000);
    for (const id of [1, 3]) await server.peers[0]!.stream(id).body("some", { endStream: true });
    rested.controller.resume();
    for (const { ended } of [rested, unlimited]) expect(await ended).toMatchObject({ content: "some", trailers: [] });
  });
});

describe("a connection that does not answer any more", () => {
  test("is left after a timeout: what follows goes over another", async () => {
    const server = await rawHttp2Server(
      async (peer, index) => {
        const stream = await peer.accept();
        if (index === 0) await peer.untilClosed();
        else await stream.headers(OK, { endStream: true });
      },
      { pong: false },
    );
    const agent = http2Agent({ headersTimeout: 50, pingTimeout: 200 });
    const waiting = send(agent, server, UNLIMITED);
    expect((await send(agent, server).ended).error).toMatchObject({ code: "UND_ERR_HEADERS_TIMEOUT" });
    expect((await send(agent, server, UNLIMITED).ended).status).toBe(200);
    const { error } = await waiting.ended;
    expect(error).toMatchObject({ code: "UND_ERR_SOCKET", message: expect.stringMatching(/PING/) as string });
    await server.finished();
  });

  test("is asked by PING as often as wanted while requests are under way", async () => {
    const server = await rawHttp2Server(async (peer) => {
      const stream = await peer.accept();
      await expect.poll(() => peer.frames.filter(({ type }) => type === "PING").length).toBeGreaterThan(2);
      await stream.headers(OK, { endStream: true });
      await peer.ping();
      await peer.ping();
      const before = peer.frames.length;
      // At rest no one asks.
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(peer.frames.slice(before).filter(({ type, ack }) => type === "PING" && !ack)).toEqual([]);
    });
    expect((await send(http2Agent({ pingInterval: 20 }), server).ended).status).toBe(200);
    await server.finished();
  });

  test("counts as lost when a PING has no answer in time", async () => {
    const server = await rawHttp2Server(
      async (peer, index) => {
        const stream = await peer.accept();
        await stream.headers(OK, { endStream: index > 0 });
      },
      { pong: false },
    );
    const agent = http2Agent({ pingInterval: 20, pingTimeout: 50 });
    const { error } = await send(agent, server).ended;
    expect(error).toMatchObject({ code: "UND_ERR_SOCKET", message: expect.stringMatching(/PING/) as string });
    await server.peers[0]!.untilClosed();
    expect((await send(agent, server).ended).status).toBe(200);
  });

  test("counts as lost when no SETTINGS come", async () => {
    const server = await rawServer(() => {});
    const { error } = await send(http2Agent({ pingTimeout: 50 }), server).ended;
    expect(error).toMatchObject({ code: "UND_ERR_SOCKET", message: expect.stringMatching(/SETTINGS/) as string });
  });
});

describe("with a limit of 0, a connection", () => {
  /** Longer than every default, and shorter than what the test itself waits. Milliseconds. */
  const LONG = 25_000;

  test("is not asked by PING", async () => {
    stopTheClock();
    const server = await rawHttp2Server(async (peer) => void (await peer.accept()));
    const { reported } = send(http2Agent({ pingInterval: 0 }), server, UNLIMITED);
    await happening(() => server.peers[0]?.streams.has(1) === true);
    const [peer] = server.peers;
    vi.advanceTimersByTime(LONG);
    await peer!.ping();
    expect(peer!.frames.filter(({ type, ack }) => type === "PING" && !ack)).toEqual([]);
    await peer!.stream(1).headers(OK, { endStream: true });
    await happening(() => reported.trailers !== undefined);
  });

  test("waits for the answer to a PING as long as it takes", async () => {
    stopTheClock();
    const server = await rawHttp2Server(async (peer) => void (await peer.accept()), { pong: false });
    const { reported } = send(http2Agent({ pingInterval: 20, pingTimeout: 0 }), server, UNLIMITED);
    await happening(() => server.peers[0]?.streams.has(1) === true);
    const [peer] = server.peers;
    vi.advanceTimersByTime(20);
    await happening(() => peer!.frames.some(({ type, ack }) => type === "PING" && !ack));
    vi.advanceTimersByTime(LONG);
    await peer!.ping();
    await peer!.stream(1).headers(OK, { endStream: true });
    await happening(() => reported.trailers !== undefined);
    expect(reported.error).toBeUndefined();
  });

  test("waits for SETTINGS as long as it takes", async () => {
    stopTheClock();
    const server = await rawServer(() => {});
    const { reported } = send(http2Agent({ pingTimeout: 0 }), server, UNLIMITED);
    await happening(() => (server.connections[0]?.received.length ?? 0) > 0);
    vi.advanceTimersByTime(LONG);
    // An error would be reported when the connection has closed, and that takes some turns.
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(reported.error).toBeUndefined();
  });
});
