import type { Socket } from "node:net";
import { deadline, defaultTimeout } from "./deadline.ts";

/**
 * One end of a connection, byte by byte. Reads consume what has arrived, in order, and every read, and every awaited write, has
 * a time limit, so that a peer that falls silent fails the test instead of hanging it. Text is latin1, as on the wire of HTTP/1.1.
 */
export class RawConnection {
  /** The socket underneath. It never emits an unhandled error: see `error`. */
  readonly socket: Socket;
  /**
   * Settles when the connection is closed in both directions, for whatever reason; never rejects. The two ends are independent:
   * after the peer's end (FIN) this side stays open until it calls `end()` or `destroy()` too.
   */
  readonly closed: Promise<void>;
  /** The error that closed the connection, if one did (`ECONNRESET` after the peer's reset). */
  error: Error | undefined;

  readonly #transport: Socket;
  readonly #waiting = new Set<() => void>();
  /** What has arrived, at its beginning, and room for more. What is written once never changes: reads give views of it. */
  #buffer: Buffer = Buffer.alloc(0);
  #arrived = 0;
  #consumed = 0;
  #ended = false;

  /** `transport` is the TCP socket when `socket` is a TLS socket on top of it. */
  constructor(socket: Socket, transport: Socket = socket) {
    this.socket = socket;
    this.#transport = transport;
    socket.on("data", (chunk: Buffer) => {
      this.#append(chunk);
      this.#wake();
    });
    socket.on("end", () => {
      this.#ended = true;
      this.#wake();
    });
    socket.on("error", (error) => {
      this.error = error;
    });
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.#ended = true;
        this.#wake();
        resolve();
      });
    });
  }

  /** Everything that has arrived so far, consumed or not. */
  get received(): Buffer {
    return this.#buffer.subarray(0, this.#arrived);
  }

  /** Whether the peer has sent its last byte (end, reset or close). */
  get ended(): boolean {
    return this.#ended;
  }

  /** What arrives up to and including `pattern`. Rejects if the connection ends first. */
  readUntil(pattern: string | Buffer, timeout?: number): Promise<Buffer> {
    const wanted = typeof pattern === "string" ? Buffer.from(pattern, "latin1") : pattern;
    let searched = 0;
    return this.#read(`bytes up to ${JSON.stringify(wanted.toString("latin1"))}`, timeout, (rest) => {
      const at = rest.indexOf(wanted, searched);
      searched = Math.max(0, rest.length - wanted.length + 1);
      return at === -1 ? undefined : at + wanted.length;
    });
  }

  /** A head: what arrives up to and including the first empty line. */
  readHead(timeout?: number): Promise<Buffer> {
    return this.readUntil("\r\n\r\n", timeout);
  }

  /** Exactly `count` bytes. Rejects if the connection ends first. */
  readBytes(count: number, timeout?: number): Promise<Buffer> {
    return this.#read(`${count} bytes`, timeout, (rest) => (rest.length >= count ? count : undefined));
  }

  /** What arrives until the peer sends its end. A reset ends it as well: look at `error` to tell them apart. */
  readToEnd(timeout?: number): Promise<Buffer> {
    return this.#read("the end", timeout, (rest) => (this.#ended ? rest.length : undefined));
  }

  /** Sends `data`; settles when the system has taken it, rejects when it cannot be sent. Need not be awaited. */
  write(data: string | Uint8Array, timeout: number = defaultTimeout): Promise<void> {
    const taken = new Promise<void>((resolve, reject) => {
      const bytes = typeof data === "string" ? Buffer.from(data, "latin1") : data;
      this.socket.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
    const written = deadline(taken, () => `the peer does not take what is written, ${this.#state()}`, timeout);
    // For the callers that do not await: a write that fails shows in `error`, and in what the peer received.
    written.catch(() => {});
    return written;
  }

  /** Sends `data` if given, then the end (FIN). The other direction stays open. */
  end(data?: string | Uint8Array): void {
    this.socket.end(typeof data === "string" ? Buffer.from(data, "latin1") : (data ?? ""));
  }

  /** Closes both directions at once, without an error for the peer beyond the missing rest. */
  destroy(): void {
    this.socket.destroy();
  }

  /** Sends a reset (RST), below TLS where there is TLS, so that the peer sees `ECONNRESET`. */
  reset(): void {
    this.#transport.resetAndDestroy();
    this.socket.destroy();
  }

  /** Doubles the room where it is needed: however many pieces arrive, few of them are copied again. */
  #append(chunk: Buffer): void {
    const length = this.#arrived + chunk.length;
    if (length > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, this.#buffer.length * 2, 1_024));
      this.#buffer.copy(larger, 0, 0, this.#arrived);
      this.#buffer = larger;
    }
    chunk.copy(this.#buffer, this.#arrived);
    this.#arrived = length;
  }

  async #read(
    what: string,
    timeout: number = defaultTimeout,
    find: (rest: Buffer) => number | undefined,
  ): Promise<Buffer> {
    const end = performance.now() + timeout;
    for (;;) {
      const rest = this.received.subarray(this.#consumed);
      const length = find(rest);
      if (length !== undefined) {
        this.#consumed += length;
        return rest.subarray(0, length);
      }
      if (this.#ended) throw new Error(`the connection ended while waiting for ${what}, ${this.#state()}`);
      const left = Math.max(0, end - performance.now());
      await deadline(this.#more(), () => `${what} did not arrive, ${this.#state()}`, left);
    }
  }

  #more(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }

  #state(): string {
    const rest = this.received.subarray(this.#consumed);
    const seen = JSON.stringify(rest.subarray(-200).toString("latin1"));
    return `unread: ${rest.length} bytes, ending ${seen}${this.error ? `, error: ${this.error.message}` : ""}`;
  }
}
