import { Writable } from "node:stream";

import type { Reservation } from "./store-usage.ts";

/** Passes content on to where it is kept, and counts it first. */
export class CountedContent<T extends Writable> extends Writable {
  protected readonly target: T;
  readonly #room: Reservation;
  #written = 0;

  constructor(target: T, room: Reservation) {
    super({ highWaterMark: target.writableHighWaterMark });
    this.target = target;
    this.#room = room;
    target.on("error", (error) => this.destroy(error));
    target.on("close", () => this.destroy());
  }

  /** How many bytes were passed on. */
  get written(): number {
    return this.#written;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const fault = this.#room.reach(this.#written + chunk.length);
    if (fault !== undefined) return done(fault);
    this.#written += chunk.length;
    if (this.target.destroyed) done(this.target.errored);
    else if (this.target.write(chunk)) done();
    else this.target.once("drain", () => done());
  }

  override _final(done: (error?: Error | null) => void): void {
    this.target.once("finish", () => done());
    this.target.end();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (this.target.closed) return done(error);
    this.target.once("close", () => done(error));
    this.target.destroy();
  }
}
