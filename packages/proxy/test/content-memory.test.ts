import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import { type ClientHttp2Session, connect as connectHttp2, createServer as createHttp2Server } from "node:http2";
import { Readable, Transform, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { TrailerAgent } from "@trailsum/client";
import { goawayFrame, listen, rawClient } from "@trailsum/testkit";
import { Dispatcher } from "undici";
import { describe, expect, test } from "vitest";

import { proxyServer, streamServer } from "./peers.ts";

// What a proxy reads content into is read into again when the content has left.

const SIZE = 3 * 1_048_576;
const CONTENT = randomBytes(SIZE);
const DIGEST = sha256(CONTENT);

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The content in pieces of many sizes, small and large ones, with a rest here and there. */
async function* pieces(seed: number): AsyncGenerator<Buffer> {
  for (let at = 0, number = seed; at < SIZE; number += 1) {
    const size = [7, 1_000, 40_000, 5_000, 300_000, 64_000][number % 6]!;
    yield CONTENT.subarray(at, at + size);
    at += size;
    if (number % 11 === 0) await new Promise((resolve) => void setImmediate(resolve));
  }
}

/** Lets content through, and stops now and then, so that what comes has to wait. */
function hesitating(): Transform {
  let passed = 0;
  return new Transform({
    transform(piece: Buffer, _encoding, done) {
      passed += piece.length;
      if (passed < 1_000_000) done(null, piece);
      else {
        passed = 0;
        setTimeout(() => done(null, piece), 5);
      }
    },
  });
}

/** An origin that answers with the digest of what it is sent, and then with the content itself. */
async function hashingOrigin(slow: boolean, version: "1.1" | "2" = "1.1"): Promise<string> {
  const answer = (req: Readable, res: Writable & { setHeader(name: string, value: string): void }): void => {
    const hash = createHash("sha256");
    const stages = slow ? [req, hesitating(), hash] : [req, hash];
    void pipeline(stages as [Readable, Transform]).then(() => {
      res.setHeader("x-digest", hash.digest("hex"));
      return pipeline(Readable.from(pieces(3)), res);
    });
  };
  const server = version === "2" ? createHttp2Server(answer) : createServer(answer);
  return (await listen(server)).origin;
}

/** Everything that a handler is called for, on itself. */
function forwarding(handler: Dispatcher.DispatchHandler): Dispatcher.DispatchHandler {
  return new Proxy<Dispatcher.DispatchHandler>(
    {},
    {
      get: (own, name: keyof Dispatcher.DispatchHandler) => own[name] ?? (handler[name] as () => void)?.bind(handler),
    },
  );
}

/** Uploads the content and downloads it again. Gives the digests that both ends computed. */
async function roundTrip(port: number, seed: number, slow: boolean): Promise<[up: unknown, down: string]> {
  const req = request({ port, host: "127.0.0.1", method: "POST", agent: false });
  const responded = once(req, "response");
  await pipeline(Readable.from(pieces(seed)), req);
  const [res] = (await responded) as [IncomingMessage];
  const hash = createHash("sha256");
  await pipeline((slow ? [res, hesitating(), hash] : [res, hash]) as [Readable, Transform]);
  return [res.headers["x-digest"], hash.digest("hex")];
}

/** The same over HTTP/2. */
async function roundTripHttp2(session: ClientHttp2Session, seed: number, slow: boolean): Promise<[unknown, string]> {
  const stream = session.request({ ":method": "POST" });
  const responded = once(stream, "response");
  await pipeline(Readable.from(pieces(seed)), stream, { end: true });
  const [header] = (await responded) as [Record<string, unknown>];
  const hash = createHash("sha256");
  await pipeline((slow ? [stream, hesitating(), hash] : [stream, hash]) as [Readable, Transform]);
  return [header["x-digest"], hash.digest("hex")];
}

describe("content stays what it is", () => {
  test.each([
    ["as fast as it comes", false, false],
    ["while the origin takes it slowly", true, false],
    ["while the client takes it slowly", false, true],
  ])("%s, on several connections at a time", async (_how, slowOrigin, slowClient) => {
    const { port } = await proxyServer({ target: await hashingOrigin(slowOrigin) });
    const trips = Array.from({ length: 3 }, (_, seed) => roundTrip(port, seed, slowClient));
    for (const digests of await Promise.all(trips)) expect(digests).toEqual([DIGEST, DIGEST]);
  });

  test.each([
    ["as fast as it comes", false, false],
    ["while the origin takes it slowly", true, false],
    ["while the client takes it slowly", false, true],
  ])("%s, on several streams of HTTP/2", async (_how, slowOrigin, slowClient) => {
    const { origin } = await proxyServer({ target: await hashingOrigin(slowOrigin, "2"), agent: { useH2c: true } });
    const session = connectHttp2(origin);
    const trips = Array.from({ length: 3 }, (_, seed) => roundTripHttp2(session, seed, slowClient));
    for (const digests of await Promise.all(trips)) expect(digests).toEqual([DIGEST, DIGEST]);
    await new Promise<void>((resolve) => {
      session.close(resolve);
    });
  });

  test("where it is sent again while more of it comes", async () => {
    const part = (number: number): Buffer => CONTENT.subarray(number * 40_000, (number + 1) * 40_000);
    let refused = false;
    const origin = await streamServer(async (stream, peer) => {
      if (!refused) {
        refused = true;
        for (const number of [1, 2, 3, 4, 5]) {
          await stream.untilData(number * 40_000);
          await client.write(part(number));
        }
        await stream.untilData(240_000);
        await peer.send(goawayFrame(0));
        return;
      }
      await stream.untilEnd();
      await stream.headers([[":status", "200"]]);
      await stream.body(sha256(stream.data), { endStream: true });
    });
    const { port } = await proxyServer({ target: origin.origin, agent: { useH2c: true }, replayBuffer: 300_000 });
    const client = await rawClient(port);
    await client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 240000\r\nConnection: close\r\n\r\n");
    await client.write(part(0));
    expect((await client.readToEnd()).toString()).toContain(sha256(CONTENT.subarray(0, 240_000)));
  });

  test("for a dispatcher that keeps it, too", async () => {
    const kept = { up: [] as Buffer[], down: [] as Buffer[] };
    const agent = new TrailerAgent();
    class Keeping extends Dispatcher {
      override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
        const { body } = options;
        if (body instanceof Readable) {
          body.push = (piece: Buffer | null) => {
            if (piece !== null) kept.up.push(piece);
            return Readable.prototype.push.call(body, piece);
          };
        }
        const inner = forwarding(handler);
        inner.onResponseData = (controller, piece) => {
          kept.down.push(piece);
          handler.onResponseData?.(controller, piece);
        };
        return agent.dispatch(options, inner);
      }
    }
    const { port } = await proxyServer({ target: await hashingOrigin(false), dispatcher: new Keeping() });
    expect(await roundTrip(port, 0, false)).toEqual([DIGEST, DIGEST]);
    expect(sha256(Buffer.concat(kept.up))).toBe(DIGEST);
    expect(sha256(Buffer.concat(kept.down))).toBe(DIGEST);
    await agent.close();
  });
});
