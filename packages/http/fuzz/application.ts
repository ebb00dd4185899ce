import { FieldLines } from "@trailsum/shared";

import type {
  ClientSession,
  Http2Stream,
  ResponseHandler,
  ServerHandler,
  ServerStream,
  Session,
  StreamHandler,
} from "../src/http2/index.ts";
import type { Random } from "./random.ts";

const LINES = FieldLines.fromRaw(["content-type", "text/plain", "X-A", "1", "cookie", "short"]);

/** A user of a session that answers, requests, resets and closes at random. */
export class Application {
  readonly #random: Random;
  /** The events in their order, with pieces of content joined, so that they do not depend on how the octets were cut. */
  readonly events: string[] = [];
  /** How many streams have begun. */
  streams = 0;
  /** How many have closed. */
  closedStreams = 0;
  /** How often the session has ended. */
  closed = 0;
  /** Set when there is one. */
  session: Session | undefined;
  /** What is done as soon as there is output. */
  onOutput: () => void = () => {};
  readonly #active: boolean;

  /** An application that is not active only receives. */
  constructor(random: Random, active: boolean) {
    this.#random = random;
    this.#active = active;
  }

  /** For a session of either side. */
  handler(): ServerHandler {
    return {
      onOutput: () => this.onOutput(),
      onSettings: (settings) => this.#record(`settings ${JSON.stringify(settings)}`),
      onGoaway: (goaway) => this.#record(`goaway ${JSON.stringify(goaway)}`),
      onPong: (payload) => this.#record(`pong ${payload.toString("hex")}`),
      onStreamClosed: () => (this.closedStreams += 1),
      onClosed: (fault) => {
        this.closed += 1;
        this.#record(`closed ${fault?.code} ${fault?.message}`);
      },
      onRequest: (stream, request, endStream) => {
        this.#record(`request ${stream.id} ${JSON.stringify(request)} ${endStream}`);
        return this.#begin(stream, (it) => this.#answer(it as ServerStream));
      },
    };
  }

  /** Asks for something, if that is possible. */
  ask(client: ClientSession): void {
    if (!client.canRequest) return;
    const random = this.#random;
    const endStream = random.chance(0.5);
    const control = { method: random.pick(["GET", "PUT", "HEAD"]), scheme: "http", authority: "a", path: "/" };
    let stream: Http2Stream | undefined;
    const handler: ResponseHandler = {
      ...this.#streamHandler(() => stream),
      onInterim: (head) => this.#record(`interim ${stream?.id} ${JSON.stringify(head)}`),
      onResponse: (head, ended) => this.#record(`response ${stream?.id} ${JSON.stringify(head)} ${ended}`),
    };
    this.streams += 1;
    stream = client.request({ ...control, protocol: undefined, fields: LINES }, handler, { endStream });
    if (!endStream && this.#active) this.#send(stream);
  }

  #begin(stream: Http2Stream, act: (stream: Http2Stream) => void): StreamHandler {
    this.streams += 1;
    if (this.#active) act(stream);
    return this.#streamHandler(() => stream);
  }

  #streamHandler(stream: () => Http2Stream | undefined): StreamHandler {
    return {
      onData: (piece, endStream) => {
        const it = stream()!;
        this.#content(it.id, piece, endStream);
        if (!this.#active || this.#random.chance(0.8)) it.consume(piece.length);
        else if (this.#random.chance(0.1)) it.reset();
      },
      onTrailers: (trailers) => this.#record(`trailers ${stream()?.id} ${JSON.stringify(trailers.raw)}`),
      onWritable: () => this.#active && this.#send(stream()!),
      // Also within `request`, where the transport has closed.
      onReset: ({ code, by }) => this.#record(`reset ${stream()?.id} ${code} ${by}`),
    };
  }

  #answer(stream: ServerStream): void {
    const random = this.#random;
    if (random.chance(0.1)) return;
    if (random.chance(0.1)) stream.sendInterim(103, LINES);
    if (random.chance(0.05)) stream.reset(random.below(14));
    const endStream = random.chance(0.3);
    stream.respond(200, LINES, { endStream });
    if (!endStream) this.#send(stream);
    if (random.chance(0.01)) this.session?.shutdown();
    if (random.chance(0.005)) this.session?.close();
  }

  #send(stream: Http2Stream): void {
    const random = this.#random;
    const content = Buffer.alloc(random.size(100_000));
    const endStream = random.chance(0.4);
    if (stream.state === "half-closed (local)" || stream.state === "closed") return;
    if (stream.send(content, endStream) < content.length || endStream) return;
    if (random.chance(0.5)) stream.sendTrailers(random.chance(0.2) ? FieldLines.empty : LINES);
  }

  #content(id: number, piece: Buffer, endStream: boolean): void {
    const before = `content ${id} `;
    const last = this.events.at(-1);
    if (last?.startsWith(before) === true && !last.endsWith(" end")) {
      this.events[this.events.length - 1] = last + piece.toString("hex");
    } else this.#record(before + piece.toString("hex"));
    if (endStream) this.events[this.events.length - 1] += " end";
  }

  #record(event: string): void {
    this.events.push(event);
  }
}
