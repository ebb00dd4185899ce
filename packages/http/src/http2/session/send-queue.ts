import type { Http2Stream } from "./stream.ts";

/** While several streams wait, each gets at least so much of the room in turn. Octets. */
const MIN_SHARE = 16_384;

/** What the queue asks of its connection. */
interface Room {
  /** How much content may be sent on any stream now. Octets. */
  readonly room: number;
  /** Whether nothing is sent any more. */
  readonly closed: boolean;
}

/**
 * The streams that have more content than was taken, in the order in which they began to wait. When there is room again they are called in
 * turn and share it, so that one large message does not starve the others.
 */
export class SendQueue {
  readonly #connection: Room;
  /** Made for the first stream that waits: most connections never have one. */
  #waiting: Set<Http2Stream> | undefined;
  #resuming = false;
  /** The most that one call of `send` takes. Octets. */
  share: number = Number.POSITIVE_INFINITY;

  constructor(connection: Room) {
    this.#connection = connection;
  }

  add(stream: Http2Stream): void {
    this.#waiting ??= new Set();
    this.#waiting.add(stream);
  }

  delete(stream: Http2Stream): void {
    this.#waiting?.delete(stream);
  }

  /** Calls the owner of one stream, whose own window has been opened. */
  resumeOne(stream: Http2Stream): void {
    if (this.#resuming || this.#connection.closed || stream.sendable <= 0 || !this.#waiting?.delete(stream)) return;
    stream.handler?.onWritable();
  }

  /** Calls the owners of all streams that can send, as long as there is room. */
  resume(): void {
    const waiting = this.#waiting;
    if (waiting === undefined || waiting.size === 0 || this.#resuming || this.#connection.closed) return;
    this.#resuming = true;
    try {
      while (this.#connection.room > 0 && this.#resumeEach(waiting)) continue;
    } finally {
      this.#resuming = false;
      this.share = Number.POSITIVE_INFINITY;
    }
  }

  #resumeEach(waiting: Set<Http2Stream>): boolean {
    const ready = [...waiting].filter((stream) => stream.sendable > 0);
    this.share = Math.max(MIN_SHARE, Math.floor(this.#connection.room / ready.length));
    for (const stream of ready) {
      if (stream.sendable <= 0 || !waiting.delete(stream)) continue;
      stream.handler?.onWritable();
    }
    return ready.length > 0;
  }
}
