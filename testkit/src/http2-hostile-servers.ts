import { describe, expect, test } from "vitest";
import { smuggledFields } from "./http2-bad-fields.ts";
import { commonFloods, pour, serverFloods } from "./http2-floods.ts";
import { framingBreaches } from "./http2-framing-breaches.ts";
import { errorCodes, goawayFrame, resetFrame } from "./http2-frames.ts";
import type { FieldPairs } from "./http2-hpack.ts";
import type { Http2Peer, Http2PeerOptions } from "./http2-peer.ts";
import { responseBreaches, serverBreaches } from "./http2-server-breaches.ts";
import { rawHttp2Server } from "./http2-server.ts";
import type { RawHttp2Server } from "./http2-server.ts";
import type { Http2Stream } from "./http2-stream.ts";
import { peakOfMemory, residentMemory } from "./process-memory.ts";
import { rawServer } from "./raw-server.ts";

const MiB = 1024 * 1024;

/** What came back of a request. */
export interface HostileAnswer {
  readonly content: string;
  /** All that could be seen of the response's fields and trailers. */
  readonly fields: string;
}

/** Sends GET for a path, and settles with an answer of 2xx when it is there to its end; rejects in every other case. */
export type Get = (path: string) => Promise<HostileAnswer>;

/** A client that hostile servers are let loose on. It speaks HTTP/2 without TLS, and waits for nothing longer than a second. */
export interface HostileServersOptions {
  /** What every error of a request is like: an asymmetric matcher. */
  readonly failure: unknown;
  /** Makes one in this process, for one test, that asks `origin`. */
  create(origin: string): Promise<Get>;
  /** Starts one in a process of its own, for one test. Default: memory is not looked at. */
  readonly spawn?: (origin: string) => Promise<{ readonly get: Get; readonly pid: number }>;
}

/**
 * Registers the tests of what a client has to bear from servers that break the rules of HTTP/2, or keep to them and mean
 * harm: the request fails, and never seems to be complete; the other requests of the connection go on where it survives;
 * where it does not, the next one is sent on another.
 */
export function hostileHttp2Servers(name: string, options: HostileServersOptions): void {
  const { failure, spawn } = options;

  describe(`${name} gives up a connection to a server that`, () => {
    test.each([...framingBreaches([[":status", "200"]], 3), ...serverBreaches(3)])(
      "$name",
      async ({ frames, ofStream }) => {
        const server = await hostileServer((peer) => peer.send(...frames));
        const get = await options.create(server.origin);
        expect(await get("/first")).toMatchObject(fine);
        await expect(get("/breach")).rejects.toEqual(failure);
        if (!ofStream) await server.peers[0]!.untilClosed();
        expect(await get("/last")).toMatchObject(fine);
        // One more where it was tried again, and no more than that.
        expect(server.peers.length).toBeLessThanOrEqual(3);
      },
    );
  });

  describe(`${name} fails one request, and nothing else, at a response that`, () => {
    test.each(responseBreaches(5))("$name", async ({ frames }) => {
      const server = await hostileServer((peer) => peer.send(...frames));
      const get = await options.create(server.origin);
      expect(await get("/first")).toMatchObject(fine);
      const other = get("/later");
      const [peer] = server.peers;
      await peer!.until(() => peer!.streams.get(3)?.ended || undefined, "the other request");
      await expect(get("/breach")).rejects.toEqual(failure);
      await answer(peer!.stream(3));
      expect(await other).toMatchObject(fine);
      expect(server.peers.length).toBe(1);
    });
  });

  test(`${name} shows no one the fields that would be lines of their own in HTTP/1.1`, async () => {
    const responses = smuggledFields.flatMap((field): [FieldPairs, FieldPairs][] => [
      [[field], []],
      [[], [field]],
    ]);
    const server = await hostileServer(async (_peer, stream) => {
      const [header, trailers] = responses.shift() ?? [[], []];
      await answer(stream, header, trailers);
    });
    const get = await options.create(server.origin);
    while (responses.length > 0) {
      const seen = await get("/breach").catch(() => undefined);
      expect(JSON.stringify(seen) ?? "").not.toContain("smuggled");
    }
    expect(await get("/last")).toMatchObject(fine);
  });

  describe(`${name} fails a request in the end where the server`, () => {
    const { REFUSED_STREAM, ENHANCE_YOUR_CALM } = errorCodes;
    const turnsAway: readonly (readonly [name: string, frames: (id: number) => Buffer])[] = [
      ["refuses each stream", (id) => resetFrame(id, REFUSED_STREAM)],
      ["goes away before each request", () => goawayFrame(0)],
      ["goes away within each request", (id) => goawayFrame(id)],
      ["goes away before and within each request", (id) => Buffer.concat([goawayFrame(id), goawayFrame(0)])],
      ["wants calm", () => goawayFrame(0, ENHANCE_YOUR_CALM)],
    ];

    test.each(turnsAway)("%s", async (_, frames) => {
      let asked = 0;
      const server = await hostileServer(async (peer, stream) => {
        asked += 1;
        await peer.send(frames(stream.id));
        peer.connection.end();
      });
      const get = await options.create(server.origin);
      await expect(get("/breach")).rejects.toEqual(failure);
      expect(asked).toBeLessThan(10);
      expect(await get("/last")).toMatchObject(fine);
    });

    test("allows no streams", async () => {
      const server = await hostileServer(() => Promise.resolve(), { settings: { MAX_CONCURRENT_STREAMS: 0 } });
      const get = await options.create(server.origin);
      await expect(get("/breach")).rejects.toEqual(failure);
      expect(server.peers.length).toBeLessThan(10);
    });

    test("sends no SETTINGS", async () => {
      const server = await hostileServer(() => Promise.resolve(), { handshake: false });
      const get = await options.create(server.origin);
      await expect(get("/breach")).rejects.toEqual(failure);
      expect(server.peers.length).toBeLessThan(10);
    });

    test("closes each connection at once", async () => {
      const server = await rawServer((connection) => connection.end());
      const get = await options.create(server.origin);
      await expect(get("/breach")).rejects.toEqual(failure);
      expect(server.connections.length).toBeLessThan(10);
    });

    test("answers in HTTP/1.1", async () => {
      const server = await rawServer(async (connection) => {
        await connection.readBytes(24);
        await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine");
      });
      const get = await options.create(server.origin);
      await expect(get("/breach")).rejects.toEqual(failure);
    });

    test.each(["closes", "resets"])("%s the connection within the content", async (how) => {
      const server = await hostileServer(async (peer, stream) => {
        await stream.headers([[":status", "200"]]);
        await stream.body("fine");
        if (how === "closes") peer.connection.end();
        else peer.connection.reset();
      });
      const get = await options.create(server.origin);
      expect(await get("/first")).toMatchObject(fine);
      await expect(get("/breach")).rejects.toEqual(failure);
      expect(await get("/last")).toMatchObject(fine);
    });
  });

  test(`${name} sends the next request elsewhere when the server goes away, and waits for what runs`, async () => {
    const server = await hostileServer((peer) => peer.send(goawayFrame(2 ** 31 - 1), goawayFrame(3)));
    const get = await options.create(server.origin);
    expect(await get("/first")).toMatchObject(fine);
    const running = get("/breach");
    await server.peers[0]!.until(() => server.peers[0]!.streams.get(3)?.ended || undefined, "the request");
    await server.peers[0]!.ping();
    expect(await get("/next")).toMatchObject(fine);
    expect(server.peers.length).toBe(2);
    await answer(server.peers[0]!.stream(3));
    expect(await running).toMatchObject(fine);
  });

  if (spawn === undefined) return;
  test(`${name} stays up, and takes no more memory, while servers flood it`, async ({ annotate }) => {
    const floods = [...commonFloods([[":status", "200"]], 1), ...serverFloods(1)];
    let flood = floods[0]!;
    const server = await hostileServer(async (peer) => {
      await pour(peer, flood);
      if (!flood.hangsUp) peer.connection.destroy();
    });
    const { get, pid } = await spawn(server.origin);
    expect(await get("/first")).toMatchObject(fine);
    const before = residentMemory(pid);
    for (flood of floods) {
      // A flood is on the first stream of a connection.
      server.peers.at(-1)!.connection.destroy();
      const index = server.peers.length;
      await expect(get("/breach"), `one that ${flood.name}`).rejects.toEqual(failure);
      await server.peers[index]!.untilClosed();
      // The client may not have seen yet that the connection is gone, on which nothing has ever been answered.
      await expect
        .poll(() => get("/other").catch(() => {}), { message: `after one that ${flood.name}` })
        .toMatchObject(fine);
    }
    const after = peakOfMemory(pid);
    // Only Linux reports it.
    if (before === undefined || after === undefined) return void (await annotate("its memory was not looked at"));
    await annotate(`peak RSS ${Math.round(after / MiB)} MiB, before ${Math.round(before / MiB)} MiB`);
    expect(after - before).toBeLessThan(128 * MiB);
  });
}

const fine: Partial<HostileAnswer> = { content: "fine" };

/** A server that answers as it should, but that leaves `/later` for later, and does what `breach` does to `/breach`. */
function hostileServer(
  breach: (peer: Http2Peer, stream: Http2Stream) => Promise<void>,
  options: Http2PeerOptions = {},
): Promise<RawHttp2Server> {
  const play = async (peer: Http2Peer): Promise<void> => {
    for (;;) {
      // Until the connection ends.
      const stream = await peer.accept(60_000).catch(() => undefined);
      if (stream === undefined) return;
      const path = stream.fields?.find(([field]) => field === ":path")?.[1];
      // What happens to the connection meanwhile shows on the other side.
      if (path === "/breach") await breach(peer, stream).catch(() => {});
      else if (path !== "/later") await answer(stream).catch(() => {});
    }
  };
  return rawHttp2Server(play, options);
}

async function answer(stream: Http2Stream, header: FieldPairs = [], trailers: FieldPairs = []): Promise<void> {
  await stream.headers([[":status", "200"], ...header]);
  await stream.body("fine");
  await stream.endWithTrailers([["x", "y"], ...trailers]);
}
