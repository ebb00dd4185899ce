import { deadline, defaultTimeout } from "./deadline.ts";
import { FrameReader } from "./http2-frame-reader.ts";
import {
  connectionPreface,
  errorCodes,
  pingFrame,
  settings as settingIds,
  settingsAckFrame,
  settingsFrame,
  windowUpdateFrame,
} from "./http2-frames.ts";
import type { Http2Frame, Settings } from "./http2-frames.ts";
import { FieldDecoder } from "./http2-hpack.ts";
import type { FieldPairs } from "./http2-hpack.ts";
import { Http2Stream } from "./http2-stream.ts";
import type { StreamConnection } from "./http2-stream.ts";
import type { RawConnection } from "./raw-connection.ts";

/** Settings of `Http2Peer`. What is on by default is what keeps a decent connection going. */
export interface Http2PeerOptions {
  /** What the first SETTINGS frame says. Default: nothing. */
  readonly settings?: Settings;
  /** Send the preface and SETTINGS, and wait for the other side's, before anything else. Default: true. */
  readonly handshake?: boolean;
  /** Acknowledge SETTINGS. Default: true. */
  readonly acknowledge?: boolean;
  /** Answer PING. Default: true. */
  readonly pong?: boolean;
  /** Give back with WINDOW_UPDATE, on the stream and on the connection, what DATA used up. Default: true. */
  readonly updateWindows?: boolean;
}

/**
 * One end of an HTTP/2 connection, frame by frame, on top of a `RawConnection`: sends whatever a test wants sent, and takes
 * apart what arrives. Every wait has a time limit, and ends early when the connection does.
 */
export class Http2Peer implements StreamConnection {
  readonly connection: RawConnection;
  /** Every frame that has arrived, in order. */
  readonly frames: readonly Http2Frame[];
  /** Every stream that a frame has arrived on, or that was opened here, by its id. */
  readonly streams: ReadonlyMap<number, Http2Stream>;
  sendWindow = 65_535;
  maxFrameSize = 16_384;

  readonly #role: "client" | "server";
  readonly #options: Http2PeerOptions;
  readonly #frames: Http2Frame[] = [];
  readonly #streams = new Map<number, Http2Stream>();
  readonly #requests: Http2Stream[] = [];
  readonly #reader = new FrameReader();
  readonly #decoder: FieldDecoder;
  readonly #waiting = new Set<() => void>();
  #preface: Buffer;
  #block:
    | { readonly streamId: number; readonly endStream: boolean; readonly promised: boolean; parts: Buffer[] }
    | undefined;
  #initialWindow = 65_535;
  #opened = 0;
  #accepted = 0;
  #broken: Error | undefined;

  /** The other side is the opposite of `role`. Takes over what `connection` reads. */
  constructor(connection: RawConnection, role: "client" | "server", options: Http2PeerOptions = {}) {
    this.connection = connection;
    this.frames = this.#frames;
    this.streams = this.#streams;
    this.#role = role;
    this.#options = options;
    this.#decoder = new FieldDecoder(options.settings?.HEADER_TABLE_SIZE);
    this.#preface = role === "server" ? connectionPreface : Buffer.alloc(0);
    // Frames are small and many, and each would wait for the acknowledgement of the one before.
    connection.socket.setNoDelay(true);
    connection.socket.on("data", (chunk: Buffer) => this.#take(chunk));
    for (const event of ["end", "close"]) connection.socket.on(event, () => this.#wake());
    if (connection.received.length > 0) this.#take(connection.received);
  }

  /** The last GOAWAY that came. */
  get goaway(): Http2Frame | undefined {
    return this.#frames.findLast(({ type }) => type === "GOAWAY");
  }

  /** Sends the preface, if this is a client, and SETTINGS, and waits for the other side's SETTINGS. */
  async handshake(): Promise<void> {
    const preface = this.#role === "client" ? connectionPreface : Buffer.alloc(0);
    await this.send(preface, settingsFrame(this.#options.settings));
    await this.untilFrame("SETTINGS");
  }

  /** Sends frames, or any bytes, in one piece. Settles when the system has taken them; need not be awaited. */
  send(...frames: readonly Uint8Array[]): Promise<void> {
    return this.connection.write(Buffer.concat(frames));
  }

  /** The stream with this id, whether or not anything has happened on it. */
  stream(id: number): Http2Stream {
    const known = this.#streams.get(id);
    if (known !== undefined) return known;
    const stream = new Http2Stream(this, id, this.#initialWindow);
    this.#streams.set(id, stream);
    return stream;
  }

  /** The next stream of this side that is free: 1, 3, 5 for a client, 2, 4, 6 for a server. Sends nothing. */
  open(): Http2Stream {
    this.#opened += 1;
    return this.stream(this.#opened * 2 - (this.#role === "client" ? 1 : 0));
  }

  /** Opens the next stream with these lines: pseudo fields first, as in `requestFields`. */
  async request(fields: FieldPairs, { endStream = false } = {}): Promise<Http2Stream> {
    const stream = this.open();
    await stream.headers(fields, { endStream });
    return stream;
  }

  /** Waits for the next stream that the client opens, in the order in which they come, until its header section is there. */
  accept(timeout?: number): Promise<Http2Stream> {
    const index = this.#accepted;
    this.#accepted += 1;
    return this.until(() => this.#requests[index], `request ${index}`, timeout);
  }

  /** Waits for a frame of this type, or that satisfies this test, and gives the first one that ever came. */
  untilFrame(wanted: Http2Frame["type"] | ((frame: Http2Frame) => boolean), timeout?: number): Promise<Http2Frame> {
    const matches = typeof wanted === "string" ? ({ type }: Http2Frame) => type === wanted : wanted;
    return this.until(() => this.#frames.find(matches), typeof wanted === "string" ? wanted : "that frame", timeout);
  }

  /** Waits for GOAWAY, and gives it. */
  untilGoaway(timeout?: number): Promise<Http2Frame> {
    return this.untilFrame("GOAWAY", timeout);
  }

  /** Waits for the other side's end of the connection, by FIN or reset, and then ends this side too. */
  async untilClosed(timeout?: number): Promise<void> {
    await deadline(this.#ended(), () => `the connection stays open, ${this.#state()}`, timeout ?? defaultTimeout);
    this.connection.end();
    await this.connection.closed;
  }

  /** Sends a PING and waits for its answer: everything sent before has been read then. */
  async ping(timeout?: number): Promise<void> {
    const payload = Buffer.alloc(8);
    payload.writeDoubleBE(Math.random());
    await this.send(pingFrame(payload));
    await this.untilFrame(({ type, ack, body }) => type === "PING" && ack && body.equals(payload), timeout);
  }

  /** Waits until `look` gives something. Rejects after `timeout` milliseconds, or when nothing more can arrive. */
  async until<T>(look: () => T | undefined, what: string, timeout: number = defaultTimeout): Promise<T> {
    const end = performance.now() + timeout;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.#broken) throw this.#broken;
      if (this.connection.ended) throw new Error(`the connection ended while waiting for ${what}, ${this.#state()}`);
      await deadline(
        this.#more(),
        () => `${what} did not arrive, ${this.#state()}`,
        Math.max(0, end - performance.now()),
      );
    }
  }

  async #ended(): Promise<void> {
    while (!this.connection.ended) await this.#more();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  #take(chunk: Buffer): void {
    try {
      for (const frame of this.#reader.read(this.#afterPreface(chunk))) this.#arrived(frame);
    } catch (error) {
      this.#broken ??= new Error(`the peer does not speak HTTP/2, ${this.#state()}`, { cause: error });
    }
    this.#wake();
  }

  #afterPreface(chunk: Buffer): Buffer {
    const length = Math.min(this.#preface.length, chunk.length);
    if (!this.#preface.subarray(0, length).equals(chunk.subarray(0, length))) throw new Error("a bad preface");
    this.#preface = this.#preface.subarray(length);
    return chunk.subarray(length);
  }

  #arrived(frame: Http2Frame): void {
    this.#frames.push(frame);
    const { type, streamId, payload } = frame;
    switch (type) {
      case "DATA":
        this.#content(frame);
        break;
      case "HEADERS":
      case "PUSH_PROMISE": {
        const promised = type === "PUSH_PROMISE";
        const { endStream, promisedStreamId = streamId } = frame;
        this.#block = { streamId: promisedStreamId, endStream, promised, parts: [] };
        this.#fragment(frame);
        break;
      }
      case "CONTINUATION":
        this.#fragment(frame);
        break;
      case "RST_STREAM":
        this.stream(streamId).resetCode = frame.errorCode;
        break;
      case "SETTINGS":
        if (!frame.ack) this.#settings(frame);
        break;
      case "PING":
        if (!frame.ack && this.#options.pong !== false) void this.send(pingFrame(payload, { ack: true }));
        break;
      case "WINDOW_UPDATE":
        (streamId === 0 ? this : this.stream(streamId)).sendWindow += frame.increment ?? 0;
        break;
      default:
    }
  }

  #content({ streamId, payload, body, endStream }: Http2Frame): void {
    const stream = this.stream(streamId);
    stream.addData(body);
    if (endStream) stream.ended = true;
    if (this.#options.updateWindows === false || payload.length === 0) return;
    const updates = [windowUpdateFrame(0, payload.length)];
    if (!endStream) updates.push(windowUpdateFrame(streamId, payload.length));
    void this.send(...updates);
  }

  #fragment({ body, endHeaders }: Http2Frame): void {
    const block = this.#block;
    if (block === undefined) throw new Error("CONTINUATION continues nothing");
    block.parts.push(body);
    if (!endHeaders) return;
    this.#block = undefined;
    const section = this.#decoder.decode(Buffer.concat(block.parts));
    const stream = this.stream(block.streamId);
    if (this.#role === "server" && stream.fields === undefined) this.#requests.push(stream);
    if (block.promised) stream.promised = section;
    else stream.addSection(section);
    if (block.endStream) stream.ended = true;
  }

  #settings({ settings = [] }: Http2Frame): void {
    for (const [id, value] of settings) {
      if (id === settingIds.MAX_FRAME_SIZE) this.maxFrameSize = value;
      if (id !== settingIds.INITIAL_WINDOW_SIZE) continue;
      // RFC 9113, section 6.9.2: streams that are open change with it, below zero if need be.
      for (const stream of this.#streams.values()) stream.sendWindow += value - this.#initialWindow;
      this.#initialWindow = value;
    }
    if (this.#options.acknowledge !== false) void this.send(settingsAckFrame());
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }

  #state(): string {
    const last = this.#frames.slice(-20).map((frame) => {
      const code = Object.entries(errorCodes).find(([, number]) => number === frame.errorCode)?.[0] ?? "";
      return `${frame.type} ${frame.streamId} ${code}`.trim();
    });
    const { error } = this.connection;
    return `received: ${this.#frames.length} frames, ending ${last.join(", ")}${error ? `, error: ${error.message}` : ""}`;
  }
}

/** The pseudo fields of a request, and what follows them. */
export function requestFields(method: string, path: string, fields: FieldPairs = []): FieldPairs {
  return [[":method", method], [":scheme", "http"], [":authority", "127.0.0.1"], [":path", path], ...fields];
}
