import { Readable } from "node:stream";

import { errorCodes, type FieldPairs, rawHttp2Server, rawServer, windowUpdateFrame } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { http2Agent, send } from "./exchanging.ts";

const OK: FieldPairs = [[":status", "200"]];

describe("an exchange times out, and its connection goes on when it answers,", () => {
  test("when no head comes once the request has been sent", async () => {
    const server = await rawHttp2Server(async (peer) => {
      expect(await (await peer.accept()).untilReset()).toBe(errorCodes.CANCEL);
      await (await peer.accept()).headers(OK, { endStream: true });
    });
    const agent = http2Agent({ headersTimeout: 50 });
    const { error } = await send(agent, server, { method: "PUT", body: Readable.from(["content"]) }).ended;
    expect(error).toMatchObject({ code: "UND_ERR_HEADERS_TIMEOUT" });
    expect((await send(agent, server).ended).status).toBe(200);
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
    const told = await send(agent, server).ended;
    expect(told).toMatchObject({ content: "some", error: { code: "UND_ERR_BODY_TIMEOUT" } });
    expect((await send(agent, server).ended).status).toBe(200);
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
  test("as long as something comes, or goes, however slowly", async () => {
    const server = await rawHttp2Server(
      async (peer) => {
        const stream = await peer.accept();
        while (!stream.ended) {
          await peer.send(windowUpdateFrame(0, 70_000), windowUpdateFrame(stream.id, 70_000));
          await new Promise((resolve) => setTimeout(resolve, 60));
        }
        await stream.headers(OK);
        for (let count = 0; count < 5; count++) {
          await new Promise((resolve) => setTimeout(resolve, 60));
          await stream.body("x");
        }
        await stream.body("", { endStream: true });
      },
      { updateWindows: false },
    );
    const agent = http2Agent({ bodyTimeout: 300, headersTimeout: 300 });
    const told = await send(agent, server, { method: "PUT", body: Buffer.alloc(900_000) }).ended;
    expect(told).toMatchObject({ status: 200, content: "xxxxx" });
  });

  test("while its handler rests", async () => {
    const server = await rawHttp2Server(async (peer) => {
      const stream = await peer.accept();
      await stream.headers(OK);
      await stream.body("some", { endStream: true });
    });
    const { controller, ended } = send(http2Agent({ bodyTimeout: 30 }), server, {}, (paused) => paused.pause());
    await new Promise((resolve) => setTimeout(resolve, 150));
    controller.resume();
    expect(await ended).toMatchObject({ content: "some", trailers: [] });
  });

  test("with timeouts of its own that are longer, or 0", async () => {
    const server = await rawHttp2Server(async (peer) => {
      const stream = await peer.accept();
      await new Promise((resolve) => setTimeout(resolve, 120));
      await stream.headers(OK);
      await new Promise((resolve) => setTimeout(resolve, 120));
      await stream.body("", { endStream: true });
    });
    const agent = http2Agent({ headersTimeout: 30, bodyTimeout: 30 });
    const options = { headersTimeout: 0, bodyTimeout: 0 };
    expect((await send(agent, server, options).ended).status).toBe(200);
  });
});

describe("a connection that does not answer any more", () => {
  test("is left after a timeout: what follows goes over another one", async () => {
    const server = await rawHttp2Server(
      async (peer, index) => {
        const stream = await peer.accept();
        if (index === 0) await peer.untilClosed();
        else await stream.headers(OK, { endStream: true });
      },
      { pong: false },
    );
    const agent = http2Agent({ headersTimeout: 50, pingTimeout: 200 });
    const waiting = send(agent, server, { headersTimeout: 0 });
    expect((await send(agent, server).ended).error).toMatchObject({ code: "UND_ERR_HEADERS_TIMEOUT" });
    expect((await send(agent, server).ended).status).toBe(200);
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
      // At rest nobody asks.
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
