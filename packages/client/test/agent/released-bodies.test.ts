import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { Readable, Writable } from "node:stream";

import { listen } from "@trailsum/testkit";
import { request } from "undici";
import { describe, expect, test } from "vitest";

import { TrailerAgent, type TrailerDispatchOptions } from "../../src/index.ts";
import { failure, trailerAgent } from "./side-by-side.ts";

const PIECES = 160;
/** Every other piece is one that is copied. Bytes. */
const SIZES = [65_536, 100];
const TOTAL = (PIECES / 2) * (SIZES[0]! + SIZES[1]!);

const protocols = [
  ["HTTP/1.1", false],
  ["HTTP/2", true],
] as const;

describe.each(protocols)("over %s", (_name, useH2c) => {
  test("a part of a body is released once, and may be overwritten then", async () => {
    const body = new PiecesOfBody();
    const server = await hashingServer(useH2c, () => body.untilBlocked());
    const released = new Map<ArrayBufferLike, number>();
    const onBodyReleased = (piece: Uint8Array): void => {
      released.set(piece.buffer, (released.get(piece.buffer) ?? 0) + piece.byteLength);
      piece.fill(0);
    };
    const options = { dispatcher: trailerAgent({ useH2c }), method: "PUT", body: body.read(), onBodyReleased };
    const response = await request(server.url, options as unknown as Parameters<typeof request>[1]);

    expect(await response.body.text()).toBe(body.hash.digest("hex"));
    for (const [buffer, bytes] of released) expect(bytes).toBe(buffer.byteLength);
    // What is sent last is not released.
    const bytes = [...released.values()].reduce((sum, length) => sum + length, 0);
    expect(bytes).toBeGreaterThan(TOTAL / 2);
    expect(bytes).toBeLessThanOrEqual(TOTAL);
  });
});

test("a callback for released memory that is no function is refused", async () => {
  const agent = new TrailerAgent();
  const options = { dispatcher: agent, method: "PUT", body: "a", onBodyReleased: 1 as never } satisfies Partial<
    TrailerDispatchOptions & { dispatcher: TrailerAgent }
  >;
  const sent = request("http://127.0.0.1:9", options as unknown as Parameters<typeof request>[1]);
  expect(await failure(sent)).toBe("UND_ERR_INVALID_ARG");
  await agent.close();
});

/** A body whose every piece has memory of its own. */
class PiecesOfBody {
  readonly hash = createHash("sha256");
  #given = 0;

  async *read(): AsyncGenerator<Uint8Array> {
    for (; this.#given < PIECES; this.#given++) {
      const piece = new Uint8Array(new ArrayBuffer(SIZES[this.#given % 2]!));
      piece.set(randomBytes(piece.byteLength));
      this.hash.update(piece);
      yield piece;
    }
  }

  /** Resolves when nothing more is taken of it, since nothing reads at the other end. */
  async untilBlocked(): Promise<void> {
    for (let before = -1; before !== this.#given;) {
      before = this.#given;
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** A server that answers with the digest of what it has read, which it does not begin before `ready`. */
function hashingServer(useH2c: boolean, ready: () => Promise<void>): ReturnType<typeof listen> {
  const answer = async (body: Readable, response: Writable): Promise<void> => {
    await ready();
    const hash = createHash("sha256");
    for await (const piece of body) hash.update(piece as Buffer);
    response.end(hash.digest("hex"));
  };
  return listen(
    useH2c
      ? createHttp2Server((req, res) => void answer(req, res.stream))
      : createServer((req, res) => void answer(req, res)),
  );
}
