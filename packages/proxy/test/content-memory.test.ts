import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";

import { TrailerAgent } from "@trailsum/client";
import { listen } from "@trailsum/testkit";
import { Dispatcher } from "undici";
import { describe, expect, test } from "vitest";

import { proxyServer } from "./peers.ts";

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
async function hashingOrigin(slow: boolean): Promise<string> {
  const server = createServer((req, res) => {
    const hash = createHash("sha256");
    const stages = slow ? [req, hesitating(), hash] : [req, hash];
    void pipeline(stages as [Readable, Transform]).then(() => {
      res.setHeader("x-digest", hash.digest("hex"));
      return pipeline(Readable.from(pieces(3)), res);
    });
  });
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
