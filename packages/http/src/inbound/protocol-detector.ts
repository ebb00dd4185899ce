import type { Socket } from "node:net";

import { http2Preface } from "../http2/frames/preface.ts";
import type { Connections, ServedConnection } from "./connections.ts";

/** The owner of a cleartext connection, once its first bytes have shown its protocol. */
export interface ProtocolDetectorOptions {
  readonly connections: Connections;
  /** How long it may say nothing. Milliseconds. */
  readonly timeout: number;
  /** It speaks HTTP/1.1, or at least not HTTP/2; these bytes have been read. */
  readonly onHttp1: (bytes: Buffer) => void;
  /** It speaks HTTP/2; these bytes have been read. */
  readonly onHttp2: (bytes: Buffer) => void;
}

/** A connection on which nothing, or too little, has been received. */
export class ProtocolDetector implements ServedConnection {
  readonly #socket: Socket;
  readonly #options: ProtocolDetectorOptions;
  readonly #since: number = performance.now();
  #bytes: Buffer | undefined;

  constructor(socket: Socket, options: ProtocolDetectorOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on("data", this.#onData).on("end", this.#onEnd).on("error", this.#onError).on("close", this.#leave);
  }

  check(now: number): void {
    if (now - this.#since > this.#options.timeout) this.#socket.destroy();
  }

  stop(): void {
    this.#socket.destroy();
  }

  readonly #onData = (piece: Buffer): void => {
    const bytes = this.#bytes === undefined ? piece : Buffer.concat([this.#bytes, piece]);
    switch (http2Preface(bytes)) {
      case "begun":
        this.#bytes = bytes;
        break;
      case "whole":
        this.#leave();
        this.#options.onHttp2(bytes);
        break;
      default:
        this.#leave();
        this.#options.onHttp1(bytes);
    }
  };

  readonly #onEnd = (): void => void this.#socket.destroy();

  readonly #onError = (): void => {};

  readonly #leave = (): void => {
    this.#options.connections.delete(this);
    this.#socket
      .off("data", this.#onData)
      .off("end", this.#onEnd)
      .off("error", this.#onError)
      .off("close", this.#leave);
  };
}
