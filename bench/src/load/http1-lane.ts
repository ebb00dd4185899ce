import { connect, type Socket } from "node:net";

import type { Lane, LaneEvents } from "./lane.ts";
import { MessageReader } from "./message-reader.ts";
import type { Sender } from "./senders.ts";

// What is read is read to its end before the next read: all connections can use the same memory.
const memory = Buffer.alloc(256 * 1024);

/** A connection on which requests are sent one after the other. When the other side closes it, it is made anew. */
export class Http1Lane implements Lane {
  readonly #port: number;
  readonly #send: Sender["send"];
  readonly #reader: MessageReader;
  #socket: Socket | undefined;
  #asked = false;
  #answers = 0;
  events: LaneEvents | undefined;
  due = 0;

  constructor(port: number, send: Sender["send"]) {
    this.#port = port;
    this.#send = send;
    this.#reader = new MessageReader((answer) => {
      this.#asked = false;
      this.#answers += 1;
      this.events?.answered(answer);
    });
  }

  ask(): void {
    this.#asked = true;
    this.#socket ??= this.#open();
    this.#send(this.#socket);
  }

  close(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
  }

  #open(): Socket {
    this.#answers = 0;
    const socket = connect({
      port: this.#port,
      host: "127.0.0.1",
      noDelay: true,
      onread: {
        buffer: memory,
        callback: (length) => {
          // What follows the last answer is of no interest any more.
          if (this.#socket !== socket) return false;
          this.#reader.read(memory.subarray(0, length));
          return true;
        },
      },
    });
    let reason = "closed";
    socket.on("error", (error) => {
      reason = error.message;
    });
    socket.on("close", () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      if (!this.#asked) return;
      // A kept connection may be closed at the moment in which it is used again.
      if (this.#answers > 0 && this.#reader.idle) this.ask();
      else {
        this.#asked = false;
        this.#reader.forget();
        this.events?.broke(reason);
      }
    });
    return socket;
  }
}
