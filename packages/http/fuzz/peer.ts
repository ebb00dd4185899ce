import {
  connectionPreface,
  continuationFrame,
  dataFrame,
  encodeFrame,
  type FieldPairs,
  goawayFrame,
  headersFrame,
  pingFrame,
  priorityFrame,
  pushPromiseFrame,
  resetFrame,
  settingsAckFrame,
  settingsFrame,
  windowUpdateFrame,
} from "@trailsum/testkit";

import { encodedBound, HpackEncoder } from "../src/http2/hpack/encoder.ts";
import type { Random } from "./random.ts";

/** What a peer says on one connection: mostly what it may say, and now and then anything at all. */
export interface Speech {
  /** Its octets. */
  readonly bytes: Buffer;
  /** How much content it allows on all streams together; no limit is known where it breaks rules. Octets. */
  readonly granted: number;
}

const NAMES = [
  "x-a",
  "x-b",
  "content-type",
  "cookie",
  "authorization",
  "accept",
  "te",
  "Upper",
  "connection",
  "x a",
  "",
];
const VALUES = ["", "a", "trailers", "application/grpc", "a\nb", " ", "0".repeat(200), "chunked", "\xe4"];
const LENGTHS = ["0", "3", "10", "100", "1e3", "-1"];

/** A peer of a session: the client of a server, or the server of a client that has asked on streams 1, 3, ... */
export class RandomPeer {
  readonly #random: Random;
  readonly #role: "client" | "server";
  readonly #encoder: HpackEncoder;
  readonly #frames: Buffer[] = [];
  /** How often it does what it may not, from 0 to 1. */
  readonly #wild: number;
  #granted = 65_535;
  #streams: number;
  /** Streams on which its message has begun and has not ended. */
  readonly #open: number[] = [];
  /** Streams of a server that it has not answered. */
  readonly #unanswered: number[];

  constructor(random: Random, role: "client" | "server", streams = 0) {
    this.#random = random;
    this.#role = role;
    this.#wild = random.pick([0, 0, 0.02, 0.3]);
    this.#streams = streams;
    this.#unanswered = Array.from({ length: streams }, (_, index) => index * 2 + 1);
    this.#encoder = new HpackEncoder(() => random.pick(["incremental", "none", "never"]));
  }

  /** All that it says. */
  speak(): Speech {
    const random = this.#random;
    if (this.#role === "client") this.#frames.push(connectionPreface);
    if (!random.chance(this.#wild / 10)) this.#frames.push(this.#settings());
    if (random.chance(0.8)) this.#frames.push(settingsAckFrame());
    for (let left = random.size(100); left >= 0; left -= 1) {
      if (random.chance(this.#wild)) this.#breakRules();
      else this.#keepRules();
    }
    const bytes = Buffer.concat(this.#frames);
    const changes = random.chance(this.#wild) ? 1 + random.below(3) : 0;
    return { bytes: this.#changed(bytes, changes), granted: this.#wild > 0 ? Number.POSITIVE_INFINITY : this.#granted };
  }

  #keepRules(): void {
    const random = this.#random;
    switch (random.below(12)) {
      case 0:
      case 1:
      case 2:
        this.#message();
        break;
      case 3:
      case 4:
      case 5:
        this.#content();
        break;
      case 6:
        this.#trailers();
        break;
      case 7:
        this.#openWindow(random.chance(0.5) ? 0 : this.#anyStream(), random.pick([1, 10, 1000, 100_000]));
        break;
      case 8:
        this.#push(pingFrame(random.bytes(8), { ack: random.chance(0.2) }));
        break;
      case 9:
        this.#push(random.chance(0.3) ? this.#settings() : priorityFrame(this.#anyStream()));
        break;
      case 10:
        this.#push(encodeFrame({ type: 10 + random.below(246), streamId: 1 }, random.bytes(random.below(50))));
        break;
      default:
        if (random.chance(0.3)) this.#reset();
    }
  }

  #breakRules(): void {
    const random = this.#random;
    const id = random.chance(0.8) ? this.#anyStream() : random.below(100);
    switch (random.below(9)) {
      case 0:
        this.#push(dataFrame(id, random.bytes(random.size(600)), { endStream: random.chance(0.3) }));
        break;
      case 1:
        this.#section(id, [["x-trailer", random.pick(VALUES)]], random.chance(0.5));
        break;
      case 2:
        this.#push(windowUpdateFrame(random.chance(0.5) ? 0 : id, random.pick([0, 2 ** 31 - 1])));
        break;
      case 3:
        this.#push(random.chance(0.5) ? settingsAckFrame() : resetFrame(id, random.below(16)));
        break;
      case 4:
        this.#push(goawayFrame(random.pick([2 ** 31 - 1, id, 0]), random.below(16), "bye"));
        break;
      case 5:
        this.#push(pushPromiseFrame(id, random.below(20), random.bytes(5)));
        break;
      case 6:
        this.#push(continuationFrame(id, random.bytes(random.below(20))));
        break;
      case 7:
        this.#push(headersFrame(id, random.bytes(random.below(40)), { endHeaders: random.chance(0.9) }));
        break;
      default: {
        const header = { type: random.below(12), flags: random.below(256), streamId: id };
        this.#push(encodeFrame(header, random.bytes(random.below(30))));
      }
    }
  }

  /** The header section of a message on a stream that has none, perhaps after an interim response. */
  #message(): void {
    const random = this.#random;
    let id: number | undefined;
    if (this.#role === "client") {
      id = this.#streams * 2 + 1;
      this.#streams += random.chance(0.95) ? 1 : 2;
    } else id = this.#unanswered.shift();
    if (id === undefined) return;
    if (this.#role === "server" && random.chance(0.2)) this.#section(id, [[":status", "103"]], false);
    const endStream = random.chance(0.3);
    this.#section(id, [...this.#control(), ...this.#lines()], endStream);
    if (!endStream) this.#open.push(id);
  }

  #content(): void {
    const random = this.#random;
    const id = this.#anyOpen();
    if (id === undefined) return;
    const padding = random.chance(0.2) ? { padding: random.below(256) } : {};
    const endStream = random.chance(0.3);
    this.#push(dataFrame(id, random.bytes(random.size(3000)), { ...padding, endStream }));
    if (endStream) this.#close(id);
  }

  #trailers(): void {
    const id = this.#anyOpen();
    if (id === undefined) return;
    this.#section(id, [["x-trailer", "1"]], true);
    this.#close(id);
  }

  #reset(): void {
    const id = this.#anyOpen();
    if (id === undefined) return;
    this.#push(resetFrame(id, this.#random.below(16)));
    this.#close(id);
  }

  #openWindow(id: number, increment: number): void {
    if (id === 0) this.#granted += increment;
    this.#push(windowUpdateFrame(id, increment));
  }

  #anyOpen(): number | undefined {
    return this.#open[this.#random.below(this.#open.length)];
  }

  #close(id: number): void {
    this.#open.splice(this.#open.indexOf(id), 1);
  }

  #control(): FieldPairs {
    const random = this.#random;
    const all: FieldPairs =
      this.#role === "client"
        ? [
            [":method", random.pick(random.chance(this.#wild) ? ["CONNECT", "P T"] : ["GET", "PUT", "HEAD"])],
            [":scheme", "http"],
            [":authority", "a.example"],
            [":path", "/"],
          ]
        : [
            [
              ":status",
              random.pick(random.chance(this.#wild) ? ["103", "101", "20"] : ["200", "200", "200", "204", "404"]),
            ],
          ];
    return random.chance(this.#wild) ? all.filter(() => random.chance(0.7)) : all;
  }

  #lines(): FieldPairs {
    const random = this.#random;
    const lines = Array.from({ length: random.size(20) }, () => {
      const odd = random.chance(this.#wild);
      return [NAMES[random.below(odd ? NAMES.length : 6)]!, VALUES[random.below(odd ? VALUES.length : 4)]!] as const;
    });
    return random.chance(this.#wild) ? [...lines, ["content-length", random.pick(LENGTHS)]] : lines;
  }

  #section(id: number, lines: FieldPairs, endStream: boolean): void {
    const target = Buffer.alloc(lines.reduce((sum, [name, value]) => sum + encodedBound(name, value), 32));
    this.#encoder.begin(target, 0);
    for (const [name, value] of lines) this.#encoder.line(name, value);
    const block = target.subarray(0, this.#encoder.end());
    if (this.#random.chance(0.9)) {
      this.#push(headersFrame(id, block, { endStream }));
      return;
    }
    const cut = this.#random.below(block.length + 1);
    this.#push(headersFrame(id, block.subarray(0, cut), { endStream, endHeaders: false }));
    this.#push(continuationFrame(id, block.subarray(cut)));
  }

  #settings(): Buffer {
    const random = this.#random;
    const wild = random.chance(this.#wild);
    const settings = {
      ...(random.chance(0.3) ? { INITIAL_WINDOW_SIZE: random.pick([0, 1, 100, 65_535, 1_000_000]) } : {}),
      ...(random.chance(0.3) ? { HEADER_TABLE_SIZE: random.pick([0, 50, 4096, 100_000]) } : {}),
      ...(random.chance(0.2) ? { MAX_FRAME_SIZE: random.pick([16_384, 2 ** 24 - 1]) } : {}),
      ...(random.chance(0.1) ? { MAX_CONCURRENT_STREAMS: random.below(10) } : {}),
      ...(wild ? { ENABLE_PUSH: random.below(3), INITIAL_WINDOW_SIZE: 2 ** 31 - 1, MAX_FRAME_SIZE: 100 } : {}),
    };
    return settingsFrame(settings);
  }

  #anyStream(): number {
    return this.#random.below(Math.max(1, this.#streams)) * 2 + 1;
  }

  #push(frame: Buffer): void {
    this.#frames.push(frame);
  }

  #changed(bytes: Buffer, changes: number): Buffer {
    const random = this.#random;
    let result = bytes;
    for (let left = changes; left > 0; left -= 1) {
      const at = random.below(result.length + 1);
      const kind = random.below(4);
      if (kind === 0)
        result = Buffer.concat([result.subarray(0, at), random.bytes(1 + random.below(8)), result.subarray(at)]);
      else if (kind === 1) result = Buffer.concat([result.subarray(0, at), result.subarray(at + 1 + random.below(8))]);
      else if (kind === 2) result = result.subarray(0, at);
      else if (at < result.length) {
        result = Buffer.from(result);
        result[at] = random.below(256);
      }
    }
    return result;
  }
}
