import type { ConnectionOptions } from "node:tls";
import { describe, expect, test } from "vitest";
import { smuggledFields } from "./http2-bad-fields.ts";
import { clientBreaches, requestBreaches } from "./http2-client-breaches.ts";
import type { PlainRequest } from "./http2-client-breaches.ts";
import { rawHttp2Client } from "./http2-client.ts";
import { errorCodes, goawayFrame } from "./http2-frames.ts";
import { burstsOfOpenTrailers, clientFloods, commonFloods, pour } from "./http2-floods.ts";
import { framingBreaches } from "./http2-framing-breaches.ts";
import type { FieldPairs } from "./http2-hpack.ts";
import type { Http2Peer, Http2PeerOptions } from "./http2-peer.ts";
import { peakOfMemory, residentMemory } from "./process-memory.ts";

const MiB = 1024 * 1024;

/** Where a server is attacked. */
export interface AttackedServer {
  readonly port: number;
  /** For a server that speaks TLS. */
  readonly tls?: ConnectionOptions;
}

/** A server that can be asked what it made of the requests. */
export interface WatchedServer extends AttackedServer {
  /** The names of the requests that were taken for whole. */
  accepted(): Promise<readonly string[]> | readonly string[];
  /** All that has reached the origin of this server, if it has one. */
  passedOn?(): string;
}

/** A server that hostile clients are let loose on, and what is to be asked of it. */
export interface HostileClientsOptions {
  /** Starts one in this process, for one test. */
  listen(): Promise<WatchedServer>;
  /** Starts one in a process of its own, for one test. */
  spawn(): Promise<AttackedServer & { readonly pid: number }>;
  /** A request with content and trailers that is answered with 2xx, and is then in `accepted` by this name. */
  readonly put: (name: string) => PlainRequest;
  /** The header section of a request without content that is answered with 2xx. */
  readonly get: FieldPairs;
  /** How much more memory the process may take, in bytes, from one flood to the last. Default: 128 MiB. */
  readonly memory?: number;
}

/**
 * Registers the tests of what a server has to bear from clients that break the rules of HTTP/2, or keep to them and mean harm:
 * the offender is cut off, or refused that one request; nothing of it is taken for whole; everybody else is served.
 */
export function hostileHttp2Clients(name: string, options: HostileClientsOptions): void {
  const { put, get, memory = 128 * MiB } = options;
  const connect = ({ port, tls }: AttackedServer, more: Http2PeerOptions = {}): Promise<Http2Peer> =>
    rawHttp2Client(port, { ...more, ...(tls ? { tls } : {}) });

  describe(`${name} hangs up on a client that`, () => {
    const breaches = [...framingBreaches(put("breach").fields, 3), ...clientBreaches(put("breach"), get, 3)];
    test.each(breaches)("$name", async ({ frames, codes, ofStream }) => {
      const server = await options.listen();
      const [peer, other] = [await connect(server), await connect(server)];
      await begin(peer, put("aborted"));
      const underway = await begin(other, put("other"));
      await peer.send(...frames);
      if (ofStream) await peer.until(() => peer.goaway ?? peer.stream(3).resetCode, "an error");
      else await peer.untilClosed();
      expect(codes).toContain(peer.goaway?.errorCode ?? peer.stream(3).resetCode);
      expect(await underway()).toBe(true);
      peer.connection.destroy();
      other.connection.destroy();
      expect(await server.accepted()).toEqual(["other"]);
    });
  });

  describe(`${name} refuses, and nothing else, a request that`, () => {
    test.each(requestBreaches(put("breach"), 3))("$name", async ({ frames }) => {
      const server = await options.listen();
      const peer = await connect(server);
      const underway = await begin(peer, put("other"));
      await peer.send(...frames);
      const refused = peer.stream(3);
      const refusal = await peer.until(() => refused.resetCode ?? refused.status, "a refusal");
      expect([errorCodes.PROTOCOL_ERROR, errorCodes.ENHANCE_YOUR_CALM, 400, 431]).toContain(refusal);
      expect(await underway()).toBe(true);
      peer.connection.destroy();
      expect(await server.accepted()).toEqual(["other"]);
    });

    test("is reset before its end", async () => {
      const server = await options.listen();
      const peer = await connect(server);
      await begin(peer, put("breach"));
      await peer.stream(1).reset();
      await peer.ping();
      expect(await (await begin(peer, put("other")))()).toBe(true);
      peer.connection.destroy();
      expect(await server.accepted()).toEqual(["other"]);
    });
  });

  test(`${name} answers what a client has asked for that says it is going away`, async () => {
    const server = await options.listen();
    const peer = await connect(server);
    const underway = await begin(peer, put("last"));
    await peer.send(goawayFrame(0));
    expect(await underway()).toBe(true);
    await peer.untilClosed();
    expect(await server.accepted()).toEqual(["last"]);
  });

  test(`${name} continues after fields that would be lines of their own in HTTP/1.1`, async () => {
    const server = await options.listen();
    const peer = await connect(server);
    const { fields, content, trailers } = put("odd");
    const odd = smuggledFields.flatMap((field) => [
      { fields: [...fields, field], content, trailers },
      { fields, content, trailers: [...trailers, field] },
    ]);
    for (const request of odd) await (await begin(peer, request))();
    expect(server.passedOn?.() ?? "").not.toContain("smuggled");
    expect(await (await begin(peer, put("other")))()).toBe(true);
    peer.connection.destroy();
  });

  test(`${name} retires a session in time while a client cancels one download after another`, async () => {
    const server = await options.spawn();
    // The smallest window: all the rest of the content is queued when the stream is reset.
    const session = (): Promise<Http2Peer> => connect(server, { settings: { INITIAL_WINDOW_SIZE: 1 } });
    let peer = await session();
    for (let cancelled = 0; cancelled < 500;) {
      const download = await peer.request(get, { endStream: true });
      await peer.until(
        () => peer.goaway?.errorCode ?? download.resetCode ?? (download.data.length > 0 || undefined),
        "content or GOAWAY",
      );
      expect([download.resetCode, peer.goaway?.errorCode ?? errorCodes.NO_ERROR]).toEqual([
        undefined,
        errorCodes.NO_ERROR,
      ]);
      if (peer.goaway === undefined) {
        await download.reset(errorCodes.CANCEL);
        cancelled += 1;
      } else {
        peer.connection.destroy();
        peer = await session();
      }
    }
    peer.connection.destroy();
  });

  test(`${name} survives bursts of requests whose trailers lack END_STREAM`, async () => {
    const server = await options.spawn();
    const other = await connect(server);
    for (let connection = 0; connection < 4; connection += 1) {
      const peer = await connect(server);
      for (const burst of burstsOfOpenTrailers(put("burst").fields)) {
        await peer.send(burst);
        if (
          !(await peer.ping().then(
            () => true,
            () => false,
          ))
        )
          break;
      }
      peer.connection.destroy();
      expect(await (await begin(other, put("other")))()).toBe(true);
    }
  });

  test(`${name} stays up, and takes no more memory, while clients flood it`, async ({ annotate }) => {
    const server = await options.spawn();
    const other = await connect(server);
    expect(await (await begin(other, put("other")))()).toBe(true);
    const before = residentMemory(server.pid);
    const requests = { get, put: put("flood").fields };
    for (const flood of [...commonFloods(requests.put, 1), ...clientFloods(requests)]) {
      const peer = await connect(server, flood.options);
      const underway = await begin(other, put("other"));
      await pour(peer, flood);
      expect(await underway(), `another client, while one ${flood.name}`).toBe(true);
      if (flood.hangsUp) await peer.untilClosed();
      peer.connection.destroy();
    }
    expect(await (await begin(other, put("other")))()).toBe(true);
    const after = peakOfMemory(server.pid);
    // Only Linux reports it.
    if (before === undefined || after === undefined) return void (await annotate("its memory was not looked at"));
    await annotate(`peak RSS ${Math.round(after / MiB)} MiB, before ${Math.round(before / MiB)} MiB`);
    expect(after - before).toBeLessThan(memory);
  });
}

/** Sends a request up to the middle of its content. What it gives sends the rest, and reports whether the answer is 2xx. */
async function begin(peer: Http2Peer, { fields, content, trailers }: PlainRequest): Promise<() => Promise<boolean>> {
  const stream = await peer.request(fields);
  await stream.body(content.slice(0, 1));
  return async () => {
    await stream.body(content.slice(1));
    await stream.endWithTrailers(trailers);
    await peer.until(() => stream.ended || stream.resetCode, `the answer on stream ${stream.id}`);
    return stream.status !== undefined && stream.status >= 200 && stream.status < 300;
  };
}
