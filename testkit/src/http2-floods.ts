import {
  continuationFrame,
  dataFrame,
  encodeFrame,
  fieldSection,
  headersFrame,
  pingFrame,
  priorityFrame,
  pushPromiseFrame,
  resetFrame,
  settingsAckFrame,
  settingsFrame,
  windowUpdateFrame,
} from "./http2-frames.ts";
import { encodeFields, encodeIndex, encodeLiteral } from "./http2-hpack.ts";
import type { FieldPairs } from "./http2-hpack.ts";
import type { Http2Peer, Http2PeerOptions } from "./http2-peer.ts";

/** More of something than anybody needs. */
export interface Flood {
  /** What the peer does, as the end of a sentence that begins with "a client that" or "a server that". */
  readonly name: string;
  /** Whether the other side has to hang up, because this could go on for ever. If not, it may bear it as well. */
  readonly hangsUp: boolean;
  /** Of the peer that does it. Default: the usual. */
  readonly options?: Http2PeerOptions;
  /** Whether the peer reads nothing meanwhile. Default: it does. */
  readonly unread?: boolean;
  /** What it sends, piece by piece. */
  readonly pieces: Iterable<Uint8Array>;
}

const KiB = 1024;
const nothing = Buffer.alloc(0);

/** What either side can flood the other with, where it can send `fields` on stream `id` with content to follow. */
export function commonFloods(fields: FieldPairs, id: number): Flood[] {
  const block = encodeFields(fields);
  const open = headersFrame(id, block);
  const begun = headersFrame(id, block, { endHeaders: false });
  const line = encodeLiteral("x", "y".repeat(16 * KiB - 16));
  const bomb = Buffer.concat([
    block,
    encodeLiteral("x", "y".repeat(4000), { indexed: true }),
    joined(15_000, encodeIndex(62)),
  ]);
  const nameless = Buffer.concat([block, joined(5000, encodeLiteral("", ""))]);
  return [
    {
      name: "goes on with CONTINUATION for ever",
      hangsUp: true,
      pieces: after(begun, 4000, continuationFrame(id, line, { endHeaders: false })),
    },
    {
      name: "goes on with empty CONTINUATION for ever",
      hangsUp: true,
      pieces: after(begun, 1000, joined(1000, continuationFrame(id, nothing, { endHeaders: false }))),
    },
    {
      name: "sends SETTINGS and reads no acknowledgement",
      hangsUp: true,
      unread: true,
      pieces: after(nothing, 1000, joined(1000, settingsFrame({ INITIAL_WINDOW_SIZE: 100 }))),
    },
    {
      name: "sends PING and reads no answer",
      hangsUp: true,
      unread: true,
      pieces: after(nothing, 1000, joined(1000, pingFrame())),
    },
    {
      name: "sends empty DATA for ever",
      hangsUp: true,
      pieces: after(open, 1000, joined(1000, dataFrame(id, nothing))),
    },
    {
      name: "sends nothing but padding",
      hangsUp: false,
      pieces: after(open, 500, joined(60, dataFrame(id, nothing, { padding: 0 }))),
    },
    {
      name: "sends more than the windows allow",
      hangsUp: false,
      pieces: after(open, 2000, dataFrame(id, Buffer.alloc(16 * KiB))),
    },
    {
      name: "sends frames of a type that is unknown",
      hangsUp: false,
      pieces: after(nothing, 1000, encodeFrame({ type: 0x77 }, Buffer.alloc(16 * KiB))),
    },
    {
      name: "acknowledges SETTINGS that were never sent",
      hangsUp: false,
      pieces: after(nothing, 100, joined(1000, settingsAckFrame())),
    },
    {
      name: "opens the window byte by byte",
      hangsUp: false,
      pieces: after(open, 200, joined(1000, windowUpdateFrame(0, 1), windowUpdateFrame(id, 1))),
    },
    {
      name: "makes a byte of a field block stand for four thousand",
      hangsUp: false,
      pieces: [fieldSection(id, bomb)],
    },
    {
      name: "sends fields without names and values",
      hangsUp: false,
      pieces: [headersFrame(id, nameless)],
    },
    {
      name: "sends trailers again and again",
      hangsUp: false,
      pieces: after(open, 100, joined(1000, headersFrame(id, encodeFields([["x", "y"]])))),
    },
  ];
}

/** What only a client can flood a server with, on streams from 1, by requests that would be answered. */
export function clientFloods({ get, put }: { readonly get: FieldPairs; readonly put: FieldPairs }): Flood[] {
  const [asking, sending] = [encodeFields(get), encodeFields(put)];
  const mistaken = encodeFields([...put, ["content-length", "1"]]);
  const ask = (id: number): Buffer => headersFrame(id, asking, { endStream: true });
  const send = (id: number): Buffer => headersFrame(id, sending);
  return [
    {
      name: "opens 10,000 streams and resets each at once",
      hangsUp: true,
      pieces: onStreams(10_000, (id) => [ask(id), resetFrame(id)]),
    },
    {
      // CVE-2025-8671, MadeYouReset.
      name: "has 10,000 streams reset by a mistake on each",
      hangsUp: false,
      pieces: onStreams(10_000, (id) => [headersFrame(id, mistaken, { endStream: true })]),
    },
    {
      name: "opens 10,000 streams and ends none of them",
      hangsUp: false,
      pieces: onStreams(10_000, (id) => [send(id)]),
    },
    {
      name: "asks on 100 streams and gives no window",
      hangsUp: false,
      options: { settings: { INITIAL_WINDOW_SIZE: 0 } },
      pieces: onStreams(100, (id) => [ask(id)]),
    },
    {
      name: "asks on 100 streams and takes a byte at a time",
      hangsUp: false,
      options: { settings: { INITIAL_WINDOW_SIZE: 1 } },
      pieces: onStreams(100, (id) => [ask(id)]),
    },
    {
      name: "resets 10,000 streams that never were",
      hangsUp: true,
      pieces: onStreams(10_000, (id) => [resetFrame(id)]),
    },
    {
      name: "sends PRIORITY for 100,000 streams that never are",
      hangsUp: false,
      pieces: onStreams(100_000, (id) => [priorityFrame(id, { dependsOn: id + 2 })]),
    },
  ];
}

/**
 * Bursts of requests whose trailers lack END_STREAM (RFC 9113 section 8.1), to be sent with a pause after each. Node keeps
 * the field lines of such trailers, and once aborted the process when the session was freed before them.
 */
export function* burstsOfOpenTrailers(put: FieldPairs): Generator<Uint8Array> {
  const [sending, trailer] = [encodeFields(put), encodeFields([["x", "y"]])];
  for (let burst = 0; burst < 60; burst += 1) {
    const ids = Array.from({ length: 50 }, (_, at) => (burst * 50 + at) * 2 + 1);
    const request = (id: number): Buffer[] => [
      headersFrame(id, sending),
      dataFrame(id, Buffer.from("abc")),
      headersFrame(id, trailer),
    ];
    yield Buffer.concat(ids.flatMap(request));
  }
}

/** What only a server can flood a client with, which asks on stream `id`. */
export function serverFloods(id: number): Flood[] {
  const early = headersFrame(
    id,
    encodeFields([
      [":status", "103"],
      ["link", "</x>"],
    ]),
  );
  const promise = encodeFields([
    [":method", "GET"],
    [":scheme", "http"],
    [":authority", "x"],
    [":path", "/x"],
  ]);
  return [
    {
      name: "sends 103 for ever",
      hangsUp: false,
      pieces: after(nothing, 100, joined(1000, early)),
    },
    {
      name: "promises 10,000 responses",
      hangsUp: true,
      pieces: onStreams(10_000, (odd) => [pushPromiseFrame(id, odd + 1, promise)]),
    },
  ];
}

/** Sends a flood, until all is sent, or the other side hangs up or takes nothing for a while. */
export async function pour(peer: Http2Peer, { pieces, unread = false }: Flood): Promise<void> {
  if (unread) peer.connection.socket.pause();
  for (const piece of pieces) {
    const taken = await peer.connection.write(piece, 1000).then(
      () => true,
      () => false,
    );
    if (!taken || peer.connection.ended) break;
  }
  peer.connection.socket.resume();
}

/** The first piece once and the other `times` over. */
function* after(first: Uint8Array, times: number, piece: Uint8Array): Generator<Uint8Array> {
  yield first;
  for (let sent = 0; sent < times; sent += 1) yield piece;
}

/** The frames of so many streams that a client can open, a hundred streams at a time. */
function* onStreams(count: number, frames: (id: number) => readonly Uint8Array[]): Generator<Uint8Array> {
  for (let done = 0; done < count; done += 100) {
    const ids = Array.from({ length: 100 }, (_, index) => (done + index) * 2 + 1);
    yield Buffer.concat(ids.flatMap(frames));
  }
}

function joined(times: number, ...frames: readonly Uint8Array[]): Buffer {
  return Buffer.concat(Array.from({ length: times }, () => frames).flat());
}
