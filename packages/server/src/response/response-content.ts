import { Writable } from "node:stream";

import { clientGoneError, type InboundExchange } from "@trailsum/http/inbound";
import { FieldLines, TrailsumError } from "@trailsum/shared";

/**
 * The content of a response. The head leaves with the first piece, so that nothing is sent of content that fails before
 * it begins. It finishes when the system has taken the last byte, and is destroyed when the client goes away.
 */
export class ResponseContent extends Writable {
  /** Sent after the content. */
  trailers: FieldLines = FieldLines.empty;
  readonly #exchange: InboundExchange;
  readonly #sendHead: () => void;

  constructor(exchange: InboundExchange, sendHead: () => void) {
    super();
    this.#exchange = exchange;
    this.#sendHead = sendHead;
    exchange.onGone = () => this.destroy(clientGoneError());
  }

  override _write(piece: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const exchange = this.#exchange;
    const fault = this.#begin();
    exchange.onDrain = undefined;
    if (fault !== undefined) done(fault);
    else if (exchange.write(piece)) done();
    else exchange.onDrain = () => done();
  }

  override _final(done: (error?: Error | null) => void): void {
    const fault = this.#begin();
    if (fault !== undefined) {
      done(fault);
      return;
    }
    this.#exchange.end(this.trailers);
    this.#exchange.whenSent(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#exchange.onGone = undefined;
    this.#exchange.onDrain = undefined;
    done(error);
  }

  /** Returns why nothing can be sent: the client is gone, or the head may not be sent. */
  #begin(): Error | undefined {
    if (this.#exchange.gone) return clientGoneError();
    try {
      if (this.#exchange.status === undefined) this.#sendHead();
      return undefined;
    } catch (error) {
      return TrailsumError.from(error);
    }
  }
}
