import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

import { describe, expect, onTestFinished, test } from "vitest";

import { DirectSocketReader } from "../../src/transport/direct-socket-reader.ts";
import { giveBack } from "../../src/transport/read-buffer.ts";

/** The two ends of a connection. Both are closed when the test is over. */
async function connection(): Promise<{ near: Socket; far: Socket }> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const far = connect({ port: (server.address() as AddressInfo).port, allowHalfOpen: true, noDelay: true });
  const [near] = (await once(server, "connection")) as [Socket];
  onTestFinished(async () => {
    const closed = once(server, "close");
    near.destroy();
    far.destroy();
    server.close();
    await closed;
  });
  return { near, far };
}

/** What was taken so far. */
function taking(socket: Socket): { reading: DirectSocketReader; text: () => string; length: () => number } {
  const pieces: Buffer[] = [];
  return {
    reading: new DirectSocketReader(socket, (bytes) => void pieces.push(bytes)),
    text: () => Buffer.concat(pieces).toString("latin1"),
    length: () => pieces.reduce((sum, { length }) => sum + length, 0),
  };
}

const soon = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 50));
const LARGE = Buffer.from(Array.from({ length: 3_000_000 }, (_, at) => at % 251));

describe("what comes on a socket", () => {
  test("is taken as it comes, and its stream never sees any of it", async () => {
    const { near, far } = await connection();
    const { text } = taking(near);
    far.write("one, ");
    await expect.poll(text).toBe("one, ");
    far.write("two");
    await expect.poll(text).toBe("one, two");
    expect(near.readableLength).toBe(0);
    expect(near.readableFlowing).toBeNull();
  });

  test("is complete when its end is reported", async () => {
    const { near, far } = await connection();
    const { text } = taking(near);
    far.end(LARGE);
    await once(near, "end");
    expect(Buffer.from(text(), "latin1").equals(LARGE)).toBe(true);
    expect(near.destroyed).toBe(false);
    near.end("still to be answered");
    expect(await far.toArray()).toEqual([Buffer.from("still to be answered")]);
  });

  test("is not read once the socket is destroyed, from within as well", async () => {
    const { near, far } = await connection();
    const pieces: Buffer[] = [];
    const reading = new DirectSocketReader(near, (bytes) => {
      pieces.push(bytes);
      near.destroy();
    });
    far.on("error", () => {});
    far.write("one");
    await once(near, "close");
    reading.resume();
    far.write("two");
    await soon();
    expect(pieces.map(String)).toEqual(["one"]);
  });
});

describe("memory that much is read into", () => {
  /** Sends `LARGE`, of which each piece is given to `keep`; those that it does not keep are returned, at once or later. */
  async function reading(keep: (number: number) => "keep" | "return" | "return later"): Promise<{
    readonly kept: readonly { readonly piece: Buffer; readonly at: number }[];
    readonly memories: number;
    readonly pieces: number;
  }> {
    const { near, far } = await connection();
    const memories = new Set<ArrayBufferLike>();
    const kept: { piece: Buffer; at: number }[] = [];
    let at = 0;
    let pieces = 0;
    void new DirectSocketReader(near, (piece) => {
      expect(piece.equals(LARGE.subarray(at, at + piece.length))).toBe(true);
      memories.add(piece.buffer);
      const fate = keep(pieces);
      if (fate === "keep") kept.push({ piece, at });
      else if (fate === "return") giveBack(piece);
      else setImmediate(() => giveBack(piece));
      at += piece.length;
      pieces += 1;
      return piece.length;
    });
    far.end(LARGE);
    await once(near, "end");
    expect(at).toBe(LARGE.length);
    return { kept, memories: memories.size, pieces };
  }

  test("is read into again where all of it was returned", async () => {
    const { memories, pieces } = await reading(() => "return");
    // Little is copied out of memory that all sockets share.
    expect(memories).toBeLessThan(pieces);
  });

  test("is not where any of it was kept", async () => {
    const fates = ["keep", "return", "return later", "return", "keep", "return later", "return later"] as const;
    const { kept } = await reading((number) => fates[number % fates.length]!);
    expect(kept.length).toBeGreaterThan(3);
    for (const { piece, at } of kept) expect(piece.equals(LARGE.subarray(at, at + piece.length))).toBe(true);
  });

  test("is not where more of it is held back than is said", async () => {
    const { near, far } = await connection();
    const held: Buffer[] = [];
    void new DirectSocketReader(near, (piece) => {
      held.push(piece);
      // The first half is done with; the rest waits for a reader.
      giveBack(piece.subarray(0, piece.length >> 1));
      return undefined;
    });
    far.end(LARGE);
    await once(near, "end");
    expect(Buffer.concat(held).equals(LARGE)).toBe(true);
  });
});

describe("while it is paused", () => {
  test("little comes, and the sender has to wait; nothing is lost", async () => {
    const { near, far } = await connection();
    const { reading, text, length } = taking(near);
    reading.pause();
    const sent = new Promise<void>((resolve) => void far.write(LARGE, () => resolve()));
    await soon();
    // What is let in beyond the limit is as much as one read of the system's gives.
    expect(length()).toBeLessThanOrEqual(16_384 + 65_536);
    const before = length();
    await soon();
    expect(length()).toBe(before);
    reading.resume();
    await sent;
    await expect.poll(length).toBe(LARGE.length);
    expect(Buffer.from(text(), "latin1").equals(LARGE)).toBe(true);
  });

  test("the end after little content is reported, and the end after much is not", async () => {
    for (const [sent, reported] of [
      ["a little", true],
      [LARGE, false],
    ] as const) {
      const { near, far } = await connection();
      const { reading, length } = taking(near);
      let ended = false;
      near.once("end", () => {
        ended = true;
      });
      reading.pause();
      far.end(sent);
      await soon();
      expect(ended).toBe(reported);
      reading.resume();
      await expect.poll(() => ended).toBe(true);
      expect(length()).toBe(sent.length);
    }
  });

  test("and goes on, again and again, every byte comes once and in its order", async () => {
    const { near, far } = await connection();
    const pieces: Buffer[] = [];
    const reading: DirectSocketReader = new DirectSocketReader(near, (bytes) => {
      pieces.push(bytes);
      reading.pause();
      setImmediate(() => reading.resume());
    });
    far.end(LARGE);
    await once(near, "end");
    expect(Buffer.concat(pieces).equals(LARGE)).toBe(true);
    expect(pieces.length).toBeGreaterThan(10);
  });
});

describe("released, it is an unread stream", () => {
  test.each(["reading", "paused with little", "paused with much"] as const)("%s", async (state) => {
    const { near, far } = await connection();
    const { reading, length } = taking(near);
    if (state !== "reading") reading.pause();
    const before = state === "paused with much" ? LARGE : Buffer.from("before");
    far.write(before);
    await expect.poll(length).toBeGreaterThan(0);
    if (state === "paused with much") await soon();
    const taken = length();
    reading.release(Buffer.from("rest "));
    expect(near.readableFlowing).toBeNull();
    far.end("behind");
    const all = Buffer.concat((await near.toArray()) as Buffer[]);
    expect(length()).toBe(taken);
    expect(all.toString("latin1") === `rest ${before.subarray(taken).toString("latin1")}behind`).toBe(true);
  });
});
