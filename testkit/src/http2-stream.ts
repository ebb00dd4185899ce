import { dataFrame, fieldSection, resetFrame } from "./http2-frames.ts";
import { encodeFields } from "./http2-hpack.ts";
import type { FieldPairs } from "./http2-hpack.ts";

/** What a stream needs of its connection. */
export interface StreamConnection {
  send(...frames: readonly Uint8Array[]): Promise<void>;
  until<T>(look: () => T | undefined, what: string, timeout?: number): Promise<T>;
  /** How many bytes of content the peer takes now, on all streams together. */
  sendWindow: number;
  /** The most that the peer takes in one frame. */
  readonly maxFrameSize: number;
}

/**
 * One stream of an `Http2Peer`: what has arrived on it, and ways to send on it. What is sent is not checked against the state of
 * the stream: HEADERS after the end, or on a stream that no one opened, go out as well.
 */
export class Http2Stream {
  readonly id: number;
  /** The field sections of 1xx responses, in order. */
  readonly informational: FieldPairs[] = [];
  /** The header section of the request or of the final response. */
  fields: FieldPairs | undefined;
  /** The field section that came after the header section. */
  trailers: FieldPairs | undefined;
  /** The request that a PUSH_PROMISE announced for this stream. */
  promised: FieldPairs | undefined;
  /** Whether the peer has sent END_STREAM. */
  ended = false;
  /** The error code of the peer's RST_STREAM. */
  resetCode: number | undefined;
  /** How many bytes of content the peer takes now on this stream. */
  sendWindow: number;

  readonly #connection: StreamConnection;
  readonly #pieces: Buffer[] = [];

  constructor(connection: StreamConnection, id: number, sendWindow: number) {
    this.#connection = connection;
    this.id = id;
    this.sendWindow = sendWindow;
  }

  /** The content so far, without padding. */
  get data(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  /** `:status` of the final response; `undefined` before it came. */
  get status(): number | undefined {
    const status = this.fields?.find(([name]) => name === ":status")?.[1];
    return status === undefined ? undefined : Number(status);
  }

  /** Waits for the header section of the request or of the final response, and gives it. */
  untilFields(timeout?: number): Promise<FieldPairs> {
    return this.#untilUnlessReset("the header section", () => this.fields, timeout);
  }

  /** Waits for at least `count` bytes of content, and gives what is there. */
  untilData(count: number, timeout?: number): Promise<Buffer> {
    const enough = (): Buffer | undefined => (this.data.length >= count ? this.data : undefined);
    return this.#untilUnlessReset(`${count} bytes of content`, enough, timeout);
  }

  /** Waits for the peer's END_STREAM: everything else of the message has come then. Rejects when the stream is reset instead. */
  async untilEnd(timeout?: number): Promise<void> {
    await this.#untilUnlessReset("END_STREAM", () => this.ended || undefined, timeout);
  }

  /** Waits for the peer's RST_STREAM, and gives its error code. */
  untilReset(timeout?: number): Promise<number> {
    return this.#connection.until(() => this.resetCode, `RST_STREAM on stream ${this.id}`, timeout);
  }

  /** A field section with these lines, as they are. */
  headers(fields: FieldPairs, { endStream = false } = {}): Promise<void> {
    return this.#connection.send(fieldSection(this.id, encodeFields(fields), { endStream }));
  }

  /** The trailer section, with END_STREAM. */
  endWithTrailers(fields: FieldPairs): Promise<void> {
    return this.headers(fields, { endStream: true });
  }

  /**
   * DATA frames, in sizes and at a pace that the peer's windows allow. For what they do not allow there is `Http2Peer.send`.
   * Settles when the system has taken all of it.
   */
  async body(data: string | Uint8Array, { endStream = false, timeout }: BodyOptions = {}): Promise<void> {
    let rest = typeof data === "string" ? Buffer.from(data, "latin1") : data;
    const connection = this.#connection;
    const allowed = (): number => Math.min(this.sendWindow, connection.sendWindow, connection.maxFrameSize);
    for (;;) {
      const room = allowed();
      const piece = rest.subarray(0, Math.max(0, room));
      rest = rest.subarray(piece.length);
      this.sendWindow -= piece.length;
      connection.sendWindow -= piece.length;
      const last = rest.length === 0;
      if (piece.length > 0 || last) await connection.send(dataFrame(this.id, piece, { endStream: endStream && last }));
      if (last) return;
      await this.#untilUnlessReset("a WINDOW_UPDATE", () => allowed() > 0 || undefined, timeout);
    }
  }

  /** RST_STREAM. Default: CANCEL. */
  reset(errorCode?: number): Promise<void> {
    return this.#connection.send(resetFrame(this.id, errorCode));
  }

  /** Takes a piece of content that arrived. For `Http2Peer`. */
  addData(piece: Buffer): void {
    this.#pieces.push(piece);
  }

  /** Takes a field section that arrived. For `Http2Peer`. */
  addSection(section: FieldPairs): void {
    if (this.fields !== undefined) this.trailers = section;
    else if (section.some(([name, value]) => name === ":status" && /^1\d\d$/.test(value)))
      this.informational.push(section);
    else this.fields = section;
  }

  #untilUnlessReset<T>(what: string, look: () => T | undefined, timeout?: number): Promise<T> {
    const found = (): T | undefined => {
      const there = look();
      if (there === undefined && this.resetCode !== undefined)
        throw new Error(`stream ${this.id} was reset with ${this.resetCode} while waiting for ${what}`);
      return there;
    };
    return this.#connection.until(found, `${what} on stream ${this.id}`, timeout);
  }
}

/** Settings of `Http2Stream.body`. */
export interface BodyOptions {
  readonly endStream?: boolean;
  /** Milliseconds to wait for each WINDOW_UPDATE. */
  readonly timeout?: number;
}
