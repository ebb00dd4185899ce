import { connectionPreface, settingsFrame } from "@trailsum/testkit/http2-frames";
import { Http2Peer } from "@trailsum/testkit/http2-peer";
import type { RawConnection } from "@trailsum/testkit/raw-connection";

import { type Act, type Endpoint, isFrames, type Scene, type Sent } from "./endpoint.ts";
import type { Expected } from "./expectation.ts";
import { Http2Endpoint } from "./http2-endpoint.ts";
import type { RequestMessage, ResponseMessage } from "./message.ts";

const NOWHERE = { streamId: 1, id: "" };
/** The offset of the stream's id in a frame. */
const STREAM_ID = 5;

/**
 * A client that speaks HTTP/2 on a connection of its own. Each request opens a stream; what is seen is the next message
 * of the oldest that has not been seen to its end.
 */
export class Http2Client implements Endpoint {
  readonly #peer: Http2Peer;
  readonly #scene: Scene;
  readonly #scheme: "http" | "https";
  readonly #asked: Http2Endpoint[] = [];

  constructor(connection: RawConnection, scene: Scene, scheme: "http" | "https") {
    this.#peer = new Http2Peer(connection, "client");
    this.#scene = scene;
    this.#scheme = scheme;
  }

  /** Says hello, and waits for the proxy's. */
  async greet(): Promise<void> {
    void this.#peer.send(connectionPreface, settingsFrame({ ENABLE_PUSH: 0 }));
    await this.#peer.untilFrame("SETTINGS", this.#scene.patience.timeout);
  }

  /** The request sent as so many-th, counted from 1; the next one is opened. */
  on(index: number): Endpoint {
    return this.#asked[index - 1] ?? this.#open();
  }

  /** Frames go to the stream that was opened last; those of the connection open none. */
  send(message: Sent, cut: number): void {
    if (!isFrames(message)) this.#open().send(message, cut);
    else if (message.some((frame) => frame(NOWHERE).readUInt32BE(STREAM_ID) !== 0)) this.#latest().send(message, cut);
    else void this.#peer.send(...message.map((frame) => frame(NOWHERE)));
  }

  sendHead(message: RequestMessage | ResponseMessage): void {
    this.#open().sendHead(message);
  }

  sendContent(piece: string): void {
    this.#latest().sendContent(piece);
  }

  sendEnd(trailers: readonly string[]): void {
    this.#latest().sendEnd(trailers);
  }

  see(expected: Expected, part: "head" | "whole"): Promise<void> {
    return this.#unanswered().see(expected, part);
  }

  seeContent(text: string): Promise<void> {
    return this.#unanswered().seeContent(text);
  }

  seeBytes(text: string): Promise<void> {
    return this.#latest().seeBytes(text);
  }

  seeEnd(): Promise<void> {
    return this.#latest().seeEnd();
  }

  act(what: Act): void {
    this.#latest().act(what);
  }

  #open(): Http2Endpoint {
    const place = { peer: this.#peer, stream: this.#peer.open(), role: "client", scheme: this.#scheme } as const;
    const endpoint = new Http2Endpoint(place, this.#scene);
    this.#asked.push(endpoint);
    return endpoint;
  }

  #latest(): Http2Endpoint {
    return this.#asked.at(-1) ?? this.#open();
  }

  #unanswered(): Http2Endpoint {
    return this.#asked.find(({ finished }) => !finished) ?? this.#latest();
  }
}
