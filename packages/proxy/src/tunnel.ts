import { constants, type Http2Stream } from "node:http2";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";

import type { InboundRequest } from "@trailsum/http/inbound";
import { resetConnection } from "@trailsum/http/transport";
import { type FieldLines, LONGEST_TIMEOUT, TrailsumError } from "@trailsum/shared";

import type { OriginResponse } from "./response/origin-response.ts";

/** When TCP begins to ask whether a silent peer is still there. Milliseconds. */
const KEEP_ALIVE_DELAY = 60_000;

/**
 * Joins two connections until both directions have ended. The end of one direction is forwarded as an end, and the
 * other stays open while bytes move: `halfCloseTimeout` milliseconds without that, 0 for no limit, close both. A
 * connection that breaks takes the other with it. Settles when both are closed.
 */
export async function joinSockets(one: Duplex, other: Duplex, halfCloseTimeout: number): Promise<void> {
  for (const connection of [one, other])
    if (connection instanceof Socket) connection.setKeepAlive(true, KEEP_ALIVE_DELAY);
  const halfClosed = new HalfClosed(one, other, halfCloseTimeout);
  one.once("end", halfClosed.begin);
  other.once("end", halfClosed.begin);
  await Promise.all([join(one, other), join(other, one)]);
  halfClosed.end();
}

/** A tunnel of which one direction has ended. Peers that never end the other one would keep it for ever. */
class HalfClosed {
  readonly #connections: readonly [Duplex, Duplex];
  readonly #timeout: number;
  #timer: NodeJS.Timeout | undefined;
  #received = 0;
  #last = "";

  constructor(one: Duplex, other: Duplex, timeout: number) {
    this.#connections = [one, other];
    this.#timeout = timeout;
  }

  readonly begin = (): void => {
    if (this.#timer !== undefined || this.#timeout === 0) return;
    for (const connection of this.#connections) connection.on("data", this.#onData);
    this.#last = this.#progress;
    this.#timer = setInterval(this.#look, Math.min(this.#timeout, LONGEST_TIMEOUT)).unref();
  };

  end(): void {
    clearInterval(this.#timer);
  }

  /** How far both directions have come: what was received, and what still waits to be sent. */
  get #progress(): string {
    return [this.#received, ...this.#connections.map(({ writableLength }) => writableLength)].join(" ");
  }

  readonly #onData = (piece: Buffer): void => {
    this.#received += piece.length;
  };

  readonly #look = (): void => {
    const progress = this.#progress;
    if (progress === this.#last) for (const connection of this.#connections) abort(connection);
    this.#last = progress;
  };
}

function join(from: Duplex, to: Duplex): Promise<void> {
  return new Promise((resolve) => {
    // It closes then, and that is dealt with below.
    from.on("error", () => {});
    from.on("end", () => {
      if (!isReset(from)) to.end();
    });
    from.on("close", () => {
      if (!isOver(from)) abort(to);
      resolve();
    });
    from.pipe(to, { end: false });
  });
}

/** Whether both directions of a connection that is closed have come to their ends. */
function isOver(connection: Duplex): boolean {
  const { readableEnded, writableFinished, errored } = connection;
  return readableEnded && writableFinished && errored === null && !isReset(connection);
}

/** Node also emits `end` for an HTTP/2 stream that is reset. */
function isReset(connection: Duplex): boolean {
  return isHttp2Stream(connection) && (connection.aborted || connection.rstCode !== constants.NGHTTP2_NO_ERROR);
}

/** A connection that breaks is not taken for one that ended; in HTTP/2 that is a reset too (RFC 8441 section 5). */
function abort(connection: Duplex): void {
  if (isHttp2Stream(connection) && !connection.closed) connection.close(constants.NGHTTP2_CANCEL);
  else resetConnection(connection);
}

function isHttp2Stream(connection: Duplex): connection is Http2Stream {
  return "rstCode" in connection;
}

/**
 * The protocol that the origin has switched to. It has to be the one that was asked for; `PROTOCOL` otherwise. In HTTP/2
 * any success means it (RFC 8441 section 5).
 */
export function switchedTo(
  { status, header }: { readonly status: number; readonly header: FieldLines },
  asked: string,
): string {
  if (status !== 101) return asked;
  const switched = header.get("Upgrade");
  const options = asked.split(",").map((protocol) => protocol.trim().toLowerCase());
  if (switched !== undefined && options.includes(switched.toLowerCase())) return switched;
  throw new TrailsumError("PROTOCOL", "the origin switched to a protocol that was not requested", { status: 502 });
}

/**
 * The answer of an origin that has not switched. A client of HTTP/2 would take a success for a tunnel, so that one is
 * given up with `PROTOCOL`.
 */
export function notSwitched(
  response: OriginResponse,
  { httpVersion }: Pick<InboundRequest, "httpVersion">,
): OriginResponse {
  if (httpVersion !== "2.0" || response.status >= 300) return response;
  const error = new TrailsumError("PROTOCOL", "the origin did not switch protocols", { status: 502 });
  response.abandon(error);
  throw error;
}
