import { Readable } from "node:stream";

import {
  errorCodes,
  type FieldPairs,
  goawayFrame,
  type Http2Stream,
  rawHttp2Server,
  windowUpdateFrame,
} from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import { http2Agent, send } from "./exchanging.ts";

/** A body that never ends. */
function endless(): Readable {
  const body = new Readable({ read() {} });
  body.push("some");
  return body;
}

const status = (code: number): FieldPairs => [[":status", String(code)]];

describe("an answer that comes while the request is being sent", () => {
  test.each([401, 413, 500, 302])("is handed over, and ends the sending: %i", async (code) => {
    const body = endless();
    const server = await rawHttp2Server(async (peer) => {
      const stream = await peer.accept();
      await stream.untilData(4);
      await stream.headers(status(code));
      await expect.poll(() => body.destroyed).toBe(true);
      await stream.body("the reason why");
      await stream.endWithTrailers([["x-t", "1"]]);
      expect(await stream.untilReset()).toBe(errorCodes.CANCEL);
      expect(stream.ended).toBe(false);
      await (await peer.accept()).headers(status(204), { endStream: true });
    });
    const agent = http2Agent();
    const reported = await send(agent, server, { method: "PUT", body, trailers: () => ({ a: "b" }) }).ended;
    expect(reported).toMatchObject({ status: code, content: "the reason why", trailers: ["x-t", "1"] });
    expect((await send(agent, server).ended).status).toBe(204);
    await server.finished();
    expect(server.peers).toHaveLength(1);
  });

  test("is not an end of the sending when it is a success: both go on at once", async () => {
    const server = await rawHttp2Server(async (peer) => {
      const stream = await peer.accept();
      await stream.headers(status(200));
      for (let turn = 0; turn < 50; turn++) {
        await stream.untilData(turn + 1);
        await stream.body(`${stream.data.at(-1)}`);
      }
      await stream.untilEnd();
      await stream.endWithTrailers([["x-seen", stream.trailers!.flat().join()]]);
    });
    const body = new Readable({ read() {} });
    body.push(Buffer.of(0));
    let turn = 0;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    http2Agent().dispatch(
      { origin: server.origin, path: "/", method: "POST", body, trailers: () => ({ last: "one" }) },
      {
        onRequestStart() {},
        onResponseStart() {},
        onResponseData(_controller, chunk) {
          if (chunk.toString() !== String(turn)) reject(new Error(`got ${chunk.toString()} for ${turn}`));
          turn += 1;
          body.push(turn < 50 ? Buffer.of(turn) : null);
        },
        onResponseEnd: (controller) => resolve(controller.rawTrailers),
        onResponseError: (_controller, error) => reject(error),
      },
    );
    expect(await promise).toEqual(["x-seen", "last,one"]);
  });

  test("ends the sending when it is a success that has come to its end", async () => {
    const body = endless();
    const server = await rawHttp2Server(async (peer) => {
      const stream = await peer.accept();
      await stream.untilData(4);
      await stream.headers(status(200));
      await stream.body("enough", { endStream: true });
      expect(await stream.untilReset()).toBe(errorCodes.CANCEL);
      expect(stream.ended).toBe(false);
    });
    const reported = await send(http2Agent(), server, { method: "PUT", body }).ended;
    expect(reported).toMatchObject({ status: 200, content: "enough" });
    await expect.poll(() => body.destroyed).toBe(true);
    await server.finished();
  });

  test("is not an end of the sending where the request is to be finished", async () => {
    const body = endless();
    const server = await rawHttp2Server(async (peer) => {
      const stream = await peer.accept();
      await stream.untilData(4);
      await stream.headers(status(200));
      await stream.body("enough", { endStream: true });
      await stream.untilEnd();
      expect(stream).toMatchObject({ data: Buffer.from("some more"), trailers: [["a", "b"]], resetCode: undefined });
      await (await peer.accept()).headers(status(204), { endStream: true });
    });
    const agent = http2Agent();
    const options = { method: "PUT", body, trailers: { a: "b" }, finishRequest: true } as const;
    expect(await send(agent, server, options).ended).toMatchObject({ status: 200, content: "enough" });
    body.push(" more");
    body.push(null);
    await server.peers[0]!.stream(1).untilEnd();
    expect((await send(agent, server).ended).status).toBe(204);
    await server.finished();
  });

  const failing = (body: Readable, stream: Http2Stream): Promise<unknown> => {
    body.destroy(new Error("gone"));
    return stream.untilReset();
  };

  test.each<readonly [string, (body: Readable, stream: Http2Stream) => Promise<unknown>, number | undefined]>([
    ["the server resets the stream", (_body, stream) => stream.reset(errorCodes.NO_ERROR), undefined],
    ["the body fails", failing, errorCodes.CANCEL],
  ])("ends a request that is to be finished when %s", async (_name, act, code) => {
    const body = endless();
    const server = await rawHttp2Server(async (peer) => {
      const stream = await peer.accept();
      await stream.headers(status(200), { endStream: true });
      await peer.ping();
      expect(await act(body, stream)).toBe(code);
      expect(stream.ended).toBe(false);
    });
    const agent = http2Agent();
    const reported = await send(agent, server, { method: "PUT", body, finishRequest: true }).ended;
    expect([reported.status, reported.error]).toEqual([200, undefined]);
    await expect.poll(() => body.destroyed).toBe(true);
    await server.finished();
    await agent.close();
  });

  test("is nothing but a head: trailers-only while a stream of messages is open", async () => {
    const body = endless();
    const server = await rawHttp2Server(async (peer) => {
      const stream = await peer.accept();
      await stream.headers([...status(200), ["grpc-status", "7"]], { endStream: true });
      expect(await stream.untilReset()).toBe(errorCodes.CANCEL);
    });
    const reported = await send(http2Agent(), server, { method: "POST", body }).ended;
    expect(reported).toMatchObject({ status: 200, raw: ["grpc-status", "7"], content: "", trailers: [] });
    await server.finished();
  });

  test("is handed over though the server closes the connection at once, and reads nothing more", async () => {
    const server = await rawHttp2Server(
      async (peer) => {
        const stream = await peer.accept();
        await peer.send(windowUpdateFrame(0, 2 ** 30));
        await stream.untilData(100_000);
        await stream.headers(status(413), { endStream: true });
        await peer.send(goawayFrame(1));
        peer.connection.destroy();
      },
      { settings: { INITIAL_WINDOW_SIZE: 2 ** 24 } },
    );
    const agent = http2Agent();
    for (let round = 0; round < 20; round += 1) {
      const { status: answered, error } = await send(agent, server, { method: "PUT", body: Buffer.alloc(5_000_000) })
        .ended;
      expect([answered, error]).toEqual([413, undefined]);
    }
  });

  test("does not hold back a body in memory that the server never reads", async () => {
    const server = await rawHttp2Server(
      async (peer) => {
        const stream = await peer.accept();
        await stream.untilData(65_535);
        await stream.headers(status(413), { endStream: true });
        expect(await stream.untilReset()).toBe(errorCodes.CANCEL);
        await (await peer.accept()).headers(status(204), { endStream: true });
      },
      { updateWindows: false },
    );
    const agent = http2Agent();
    const reported = await send(agent, server, { method: "PUT", body: Buffer.alloc(5_000_000) }).ended;
    expect(reported).toMatchObject({ status: 413 });
    expect((await send(agent, server).ended).status).toBe(204);
    await server.finished();
  });
});

describe("a request that expects 100-continue", () => {
  const put = { method: "PUT", body: "content", expectContinue: true, trailers: { a: "b" } } as const;

  test("sends its content when a 100 comes, which is reported", async () => {
    const server = await rawHttp2Server(async (peer) => {
      const stream = await peer.accept();
      await peer.ping();
      expect(stream.data).toHaveLength(0);
      expect(stream.fields).toContainEqual(["expect", "100-continue"]);
      await stream.headers(status(103));
      await peer.ping();
      expect(stream.data).toHaveLength(0);
      await stream.headers(status(100));
      await stream.untilEnd();
      await stream.headers(status(200), { endStream: true });
    });
    const reported = await send(http2Agent({ expectContinueTimeout: 0 }), server, put).ended;
    expect(reported).toMatchObject({
      status: 200,
      interim: [
        [103, []],
        [100, []],
      ],
    });
    expect(server.peers[0]!.stream(1)).toMatchObject({ data: Buffer.from("content"), trailers: [["a", "b"]] });
    await server.finished();
  });

  test("sends it when no 100 has come in time", async () => {
    const server = await rawHttp2Server(async (peer) => {
      const stream = await peer.accept();
      await stream.untilEnd();
      await stream.headers(status(200), { endStream: true });
    });
    expect((await send(http2Agent({ expectContinueTimeout: 10 }), server, put).ended).status).toBe(200);
  });

  test.each([200, 417])("sends nothing of it when the answer is there before: %i", async (code) => {
    const answer = async (stream: Http2Stream): Promise<void> => {
      await stream.headers(status(code));
      await stream.body("no", { endStream: true });
      expect(await stream.untilReset()).toBe(errorCodes.CANCEL);
      expect(stream).toMatchObject({ data: Buffer.alloc(0), ended: false });
    };
    const server = await rawHttp2Server(async (peer) => answer(await peer.accept()));
    const body = endless();
    const reported = await send(http2Agent({ expectContinueTimeout: 0 }), server, { ...put, body }).ended;
    expect(reported).toMatchObject({ status: code, content: "no" });
    await server.finished();
    expect(body.destroyed).toBe(true);
  });
});
