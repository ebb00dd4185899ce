import { createServer, type IncomingMessage, METHODS, type Server, type ServerResponse } from "node:http";
import { Duplex } from "node:stream";

import type { RequestRead } from "./reading.ts";

const server = createServer({ maxHeaderSize: 1 << 20 }) as Server & { httpAllowHalfOpen: boolean };
// What has been read whole is not taken back because the connection ends after it, or breaks a rule there.
server.httpAllowHalfOpen = true;
server.on("clientError", () => {});
server.on("request", answer);
// Answered like any other: whether an expectation can be met is no matter of syntax.
server.on("checkExpectation", answer);

/** How Node's own server, and so llhttp, reads `bytes`, when the connection ends after them. */
export async function readByNode(bytes: Buffer): Promise<RequestRead[]> {
  const wire = new Wire();
  const ended = new Promise((resolve) => wire.once("end", resolve).once("close", resolve));
  server.emit("connection", wire);
  wire.push(bytes);
  wire.push(null);
  await ended;
  const requests = await Promise.all(wire.requests);
  wire.destroy();
  return requests;
}

/** Whether Node knows the method of a request. */
export function isKnownToNode(method: string): boolean {
  return METHODS.includes(method);
}

function answer(message: IncomingMessage, response: ServerResponse): void {
  (message.socket as Duplex as Wire).requests.push(readMessage(message, response));
}

async function readMessage(message: IncomingMessage, response: ServerResponse): Promise<RequestRead> {
  const { method = "", url = "", httpVersion: version, rawHeaders: raw } = message;
  const request: RequestRead = { method, target: url, version, raw, body: "", trailers: undefined };
  message.on("error", () => {});
  message.on("data", (piece: Buffer) => (request.body += piece.toString("latin1")));
  const ended = new Promise((resolve) => message.on("end", resolve));
  // All bytes are parsed in one turn: what is not complete after it never is.
  await new Promise((resolve) => process.nextTick(resolve));
  if (message.complete) {
    await ended;
    request.trailers = message.rawTrailers;
    response.end();
  }
  return request;
}

/** A connection that takes everything and gives what is pushed. */
class Wire extends Duplex {
  readonly requests: Promise<RequestRead>[] = [];

  override _read(): void {}

  override _write(_chunk: unknown, _encoding: BufferEncoding, done: () => void): void {
    done();
  }
}
