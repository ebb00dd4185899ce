import type { Socket } from "node:net";

import { atReadEnd } from "../../transport/read-end.ts";
import { batchWrites } from "../../transport/write-batch.ts";
import type { Session } from "../session/session.ts";

/** Called once with the outcome of all earlier writes. */
export interface SentListener {
  /** The system has taken it, or never will. */
  onSent(taken: boolean): void;
}

const NOTHING = Buffer.alloc(0);

const prepareNothing = (): void => {};

/** More than this is not held back for what may follow in the same turn. Octets. */
const ENOUGH = 65_536;

/** `scheduled`: output leaves when the turn ends. `flushing`: it leaves now. `again`: while it leaves, there is more. */
type Flushing = "no" | "scheduled" | "flushing" | "again";

/**
 * Writes what a session has to send to its socket: all of one turn of the event loop at its end, much content when what it came with has
 * been handled, and no more than the socket takes. When the session has closed and everything is out, it ends the socket's side.
 */
export class SessionOutput {
  readonly #session: Session;
  readonly #socket: Socket;
  readonly #prepare: () => void;
  readonly #observe: ((part: Buffer) => void) | undefined;
  #flushing: Flushing = "no";
  #awaiting: SentListener[] = [];

  /**
   * `prepare` is called right before output is taken, for what may wait so long to be sent; `observe` with each part that is
   * written.
   */
  constructor(
    session: Session,
    socket: Socket,
    prepare: () => void = prepareNothing,
    observe?: (part: Buffer) => void,
  ) {
    this.#observe = observe;
    this.#session = session;
    this.#socket = socket;
    this.#prepare = prepare;
  }

  /** Has everything written at the end of the turn. */
  schedule(): void {
    if (this.#flushing === "flushing") this.#flushing = "again";
    if (this.#flushing === "again") return;
    atReadEnd(this.#onReadEnd);
    if (this.#flushing !== "no") return;
    this.#flushing = "scheduled";
    batchWrites(this.#onTurnEnd);
  }

  /** Calls `listener` when the system has taken all that the session has to send now. */
  whenSent(listener: SentListener): void {
    this.#awaiting.push(listener);
    this.schedule();
  }

  /** Writes as much as the socket takes. */
  flush(): void {
    const [session, socket] = [this.#session, this.#socket];
    if (this.#flushing === "flushing" || this.#flushing === "again") return;
    if (socket.writableLength === 0) session.outputTaken();
    const scheduled = this.#flushing === "scheduled";
    this.#flushing = "again";
    while (this.#flushing === "again" && !socket.destroyed && !socket.writableNeedDrain) {
      this.#flushing = "flushing";
      this.#prepare();
      const awaiting = this.#awaiting;
      if (awaiting.length > 0) this.#awaiting = [];
      // Streams may go on meanwhile, and have more to send.
      this.#write(session.takeOutput());
      if (awaiting.length > 0) this.#settle(awaiting);
    }
    this.#flushing = scheduled ? "scheduled" : "no";
    if (session.closed && session.outputLength === 0 && !socket.writableEnded) socket.end();
  }

  /** Nothing can be sent any more. */
  lost(): void {
    const awaiting = this.#awaiting;
    this.#awaiting = [];
    for (const listener of awaiting) listener.onSent(false);
  }

  #write(parts: readonly Buffer[]): void {
    const socket = this.#socket;
    if (parts.length > 1) socket.cork();
    for (const part of parts) {
      this.#observe?.(part);
      socket.write(part);
    }
    if (parts.length > 1) socket.uncork();
    if (socket.writableLength === 0) this.#session.outputTaken();
  }

  /** Most often the system takes it at once: to wait each time would cost more. */
  #settle(awaiting: readonly SentListener[]): void {
    const tell = (taken: boolean): void => {
      for (const listener of awaiting) listener.onSent(taken);
    };
    if (this.#socket.writableLength === 0 && !this.#socket.destroyed) tell(true);
    else this.#socket.write(NOTHING, (error) => tell(!error));
  }

  readonly #onReadEnd = (): void => {
    if (this.#session.outputLength > ENOUGH) this.flush();
  };

  readonly #onTurnEnd = (): void => {
    this.#flushing = "no";
    this.flush();
  };
}
