import { FieldLines, type TrailsumError } from "@trailsum/shared";

import type { ServerStream } from "../../http2/session/server-stream.ts";
import { HeldContent } from "../../http2/transport/held-content.ts";
import { giveBack } from "../../transport/read-buffer.ts";
import type { ContentSink, ContentSource } from "../inbound-content.ts";

/**
 * Where content goes. `held`: it waits for a sink, or for one that has taken enough. `flowing`: to the sink. `discarded`: nowhere, as
 * the exchange is over.
 */
type Destination = "held" | "flowing" | "discarded";

/**
 * The content of a request, from an HTTP/2 stream to a sink. What is held counts as not consumed, so that flow control
 * bounds it.
 */
export class RequestContent implements ContentSource {
  trailers: FieldLines = FieldLines.empty;
  /** Whether it is complete, or the rest will never arrive. */
  state: "arriving" | "complete" | "lost";
  readonly outlivesResponse = true;
  readonly #stream: Pick<ServerStream, "consume">;
  #destination: Destination = "held";
  #sink: ContentSink | undefined;
  readonly #held = new HeldContent();
  /** Whether a sink has been given some of it. */
  #begun = false;
  #delivering = false;
  /** Whether this sink is the last one that takes it. */
  #concluded = false;
  #reason: TrailsumError | undefined;

  constructor(stream: Pick<ServerStream, "consume">, complete: boolean) {
    this.#stream = stream;
    this.state = complete ? "complete" : "arriving";
  }

  get whole(): Buffer | undefined {
    if (this.state !== "complete" || this.#begun) return undefined;
    return this.#held.joined();
  }

  /** Whether a sink waits for the client. */
  get awaited(): boolean {
    return this.state === "arriving" && this.#destination === "flowing";
  }

  /** Whether some of it has arrived, its end included. */
  get started(): boolean {
    return this.state !== "arriving" || this.#held.length > 0;
  }

  /** Whether it has ended without content or trailers. */
  get empty(): boolean {
    return this.state === "complete" && this.#held.length === 0 && this.trailers.length === 0;
  }

  flow(sink: ContentSink): void {
    this.#sink = sink;
    process.nextTick(() => {
      if (this.#sink !== sink) return;
      this.#begun = true;
      this.#deliver();
    });
    this.#destination = "flowing";
  }

  pause(): void {
    if (this.#destination === "flowing") this.#destination = "held";
  }

  resume(): void {
    if (this.#sink === undefined) return;
    this.#destination = "flowing";
    if (this.#begun) this.#deliver();
  }

  leave(): void {
    this.#sink = undefined;
    if (this.#concluded) this.discard();
    else this.pause();
  }

  /** The exchange is over: only a sink that is there may take the rest. */
  conclude(): void {
    this.#concluded = true;
    if (this.#sink === undefined) this.discard();
  }

  /** Whether there is more to come that is not wanted. */
  get unwanted(): boolean {
    return this.state === "arriving" && this.#destination === "discarded";
  }

  /** Discards it: what is held and what still arrives is dropped. */
  discard(): void {
    this.#sink = undefined;
    this.#destination = "discarded";
    this.#stream.consume(this.#held.length);
    this.#held.clear();
  }

  /** Hands unconsumed content to a new owner, who also gets the rest. */
  release(): Buffer {
    const held = this.#held.joined();
    this.#held.clear();
    return held;
  }

  // The stream's side.

  receive(piece: Buffer): void {
    if (this.#destination === "discarded") this.#stream.consume(piece.length);
    else if (this.#destination === "flowing" && this.#begun && this.#held.length === 0) this.#give(piece);
    else if (this.#held.push(piece)) giveBack(piece);
  }

  complete(trailers: FieldLines): void {
    this.trailers = trailers;
    this.state = "complete";
    this.#settle();
  }

  /** The rest will never arrive; `reason` unless the client just disconnected. */
  lose(reason?: TrailsumError): void {
    if (this.state !== "arriving") return;
    this.state = "lost";
    this.#reason = reason;
    this.#held.clear();
    if (this.#begun) this.#settle();
  }

  #deliver(): void {
    // A sink may ask for more while it is given some.
    if (this.#delivering) return;
    this.#delivering = true;
    while (this.#destination === "flowing" && this.#held.length > 0) this.#give(this.#held.shift()!);
    this.#delivering = false;
    this.#settle();
  }

  #give(piece: Buffer): void {
    this.#stream.consume(piece.length);
    if (this.#sink?.onContent(piece) === false) this.pause();
  }

  /** Reports to the sink, once, how it has ended, after all that is held. */
  #settle(): void {
    if (!this.#begun || this.state === "arriving" || this.#held.length > 0) return;
    const sink = this.#sink;
    this.#sink = undefined;
    if (this.state === "complete") sink?.onEnd();
    else sink?.onLost(this.#reason);
  }
}
