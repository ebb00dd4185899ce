import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { Duplex } from "node:stream";

import type { Reading } from "./reading.ts";

/** How Node's own client, and so llhttp, reads `bytes` as the response to `method`, when the connection ends after them. */
export async function readByNode(bytes: Buffer, method: string): Promise<Reading> {
  const reading: Reading = { interims: [], head: undefined, body: Buffer.alloc(0), trailers: undefined };
  const wire = new Wire();
  const outgoing = request({ createConnection: () => wire, method, maxHeaderSize: 1 << 20 });
  outgoing.on("information", ({ statusCode, statusMessage, rawHeaders }) => {
    reading.interims.push({ status: statusCode, reason: statusMessage, raw: rawHeaders });
  });
  const answered = answer(outgoing, reading);
  outgoing.end();
  wire.push(bytes);
  wire.push(null);
  await answered;
  return reading;
}

function answer(outgoing: ClientRequest, reading: Reading): Promise<void> {
  return new Promise((resolve) => {
    outgoing.on("error", () => resolve());
    outgoing.on("response", (response: IncomingMessage) => {
      const pieces: Buffer[] = [];
      reading.head = { status: response.statusCode!, reason: response.statusMessage!, raw: response.rawHeaders };
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("error", () => {});
      response.on("end", () => {
        if (response.complete) reading.trailers = response.rawTrailers;
      });
      response.on("close", () => {
        reading.body = Buffer.concat(pieces);
        resolve();
      });
    });
  });
}

/** A connection that takes everything and gives what is pushed. */
class Wire extends Duplex {
  override _read(): void {}

  override _write(_chunk: unknown, _encoding: BufferEncoding, done: () => void): void {
    done();
  }
}
