import { createHash, randomBytes } from "node:crypto";

import type { InboundRequest } from "@trailsum/http/inbound";
import { type FieldLines, TrailsumError } from "@trailsum/shared";

const KEY = "Sec-WebSocket-Key";
const ACCEPT = "Sec-WebSocket-Accept";

/** What a server appends to a key before it hashes it (RFC 6455 section 1.3). */
const MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * The handshake of WebSocket between versions of HTTP. HTTP/1.1 asks with a key and is answered with what follows from
 * it (RFC 6455 section 4.2.2); HTTP/2 has neither (RFC 8441 section 5.1): what one side does not have is generated for the other.
 */
export class WebSocketHandshake {
  readonly #key: string | undefined;
  readonly #ours: boolean;

  constructor({ header, httpVersion, upgrade }: InboundRequest) {
    this.#ours = httpVersion === "2.0" && upgrade !== undefined;
    this.#key = this.#ours ? randomBytes(16).toString("base64") : header.get(KEY);
  }

  /** The header to ask an origin with, whichever version it speaks. */
  asking(header: FieldLines): FieldLines {
    return this.#ours && this.#key !== undefined ? header.set(KEY, this.#key) : header;
  }

  /**
   * The header to answer the client with. An origin of HTTP/1.1 (101) has to prove that it understood the handshake, by
   * what follows from the key that it was sent (RFC 6455 section 4.1): throws `PROTOCOL` where it does not. An origin of
   * HTTP/2 was sent none, and what its client of HTTP/1.1 expects is computed here.
   */
  answering(header: FieldLines, status: number): FieldLines {
    if (this.#key === undefined) return header;
    const accept = acceptance(this.#key);
    if (status !== 101) return this.#ours ? header.delete(ACCEPT) : header.set(ACCEPT, accept);
    if (header.get(ACCEPT) !== accept)
      throw new TrailsumError("PROTOCOL", "the origin did not accept the WebSocket key", { status: 502 });
    return this.#ours ? header.delete(ACCEPT) : header;
  }
}

function acceptance(key: string): string {
  return createHash("sha1")
    .update(key + MAGIC)
    .digest("base64");
}
