import { createHash, randomBytes } from "node:crypto";

import { type FieldLines, TrailsumError } from "@trailsum/shared";

import type { InboundRequest } from "./request/inbound-request.ts";

const KEY = "Sec-WebSocket-Key";
const ACCEPT = "Sec-WebSocket-Accept";

/** What a server appends to a key before it hashes it (RFC 6455 section 1.3). */
const MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * The handshake of WebSocket between versions of HTTP. HTTP/1.1 asks with a key and is answered with what follows from
 * it (RFC 6455 section 4.2.2); HTTP/2 has neither (RFC 8441 section 5.1): what one side lacks is made for the other.
 */
export class WebSocketHandshake {
  readonly #key: string | undefined;
  readonly #ours: boolean;

  constructor({ header, httpVersion, upgrade }: InboundRequest) {
    this.#ours = httpVersion === "2.0" && upgrade?.toLowerCase() === "websocket";
    this.#key = this.#ours ? randomBytes(16).toString("base64") : header.get(KEY);
  }

  /** The header to ask an origin with, whichever version it speaks. */
  asking(header: FieldLines): FieldLines {
    return this.#ours && this.#key !== undefined ? header.set(KEY, this.#key) : header;
  }

  /** The header to answer the client with. Throws `PROTOCOL` where the origin has not understood the key that was ours. */
  answering(header: FieldLines): FieldLines {
    if (this.#key === undefined) return header;
    const accept = acceptance(this.#key);
    const answered = header.get(ACCEPT);
    if (!this.#ours) return answered === undefined ? header.with(ACCEPT, accept) : header;
    if (answered !== undefined && answered !== accept)
      throw new TrailsumError("PROTOCOL", "the origin answered another WebSocket key", { status: 502 });
    return header.delete(ACCEPT);
  }
}

function acceptance(key: string): string {
  return createHash("sha1")
    .update(key + MAGIC)
    .digest("base64");
}
