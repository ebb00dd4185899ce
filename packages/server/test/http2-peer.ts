import { createServer as createHttp1Server, type Server } from "node:http";
import { createServer, type Http2Server } from "node:http2";

import {
  encodeFields,
  type FieldPairs,
  headersFrame,
  type Http2Peer,
  type Http2Stream,
  parseMessage,
  rawHttp2Client,
} from "@trailsum/testkit";

import type { NodeRequest, NodeResponse, UploadHandlerOptions } from "../src/index.ts";
import { type Answer, answerOf, exchange, handle, type Handling, handling } from "./peer.ts";

/** A request of HTTP/1.1, as {@link request} makes it, said in HTTP/2: the same fields, content and trailers. */
interface Http2Request {
  readonly fields: FieldPairs;
  readonly body: Buffer;
  readonly trailers: FieldPairs;
  /** False where more is to come. */
  readonly complete: boolean;
}

function inHttp2(bytes: Uint8Array): Http2Request {
  const message = parseMessage(bytes);
  const [method = "", path = ""] = message.startLine.split(" ");
  const pairs = (lines: readonly string[]): [string, string][] =>
    lines.map((line) => {
      const [name = ""] = line.split(":");
      return [name.toLowerCase(), line.slice(name.length + 1).trim()];
    });
  const ownFields = pairs(message.fieldLines).filter(
    ([name, value]) =>
      !/^(?:host|connection|transfer-encoding)$/.test(name) && !(name === "te" && value !== "trailers"),
  );
  return {
    fields: [[":method", method], [":scheme", "http"], [":authority", "test"], [":path", path], ...ownFields],
    body: message.body,
    trailers: pairs(message.trailerLines),
    complete: message.complete,
  };
}

/** Sends the same request as `exchange` does, over HTTP/2. */
async function exchangeHttp2(port: number, bytes: Uint8Array): Promise<Answer> {
  const peer = await rawHttp2Client(port);
  const stream = await sendHttp2(peer, bytes);
  await stream.untilEnd();
  peer.connection.destroy();
  return http2Answer(stream);
}

/** Sends a request on a stream of its own, as much as there is of it. */
export async function sendHttp2(peer: Http2Peer, bytes: Uint8Array): Promise<Http2Stream> {
  const { fields, body, trailers, complete } = inHttp2(bytes);
  const endStream = complete && body.length === 0 && trailers.length === 0;
  const stream = peer.open();
  await peer.send(headersFrame(stream.id, encodeFields(fields), { endStream }));
  if (endStream) return stream;
  // An answer that comes early stops the sending.
  await stream.body(body, { endStream: complete && trailers.length === 0 }).catch(() => {});
  if (trailers.length > 0 && stream.resetCode === undefined) await stream.endWithTrailers(trailers);
  return stream;
}

/** What came on a stream, as if it had come in HTTP/1.1. */
export function http2Answer(stream: Http2Stream): Answer {
  const lines = (fields: FieldPairs = []): string[] => fields.map(([name, value]) => `${name}: ${value}`);
  return answerOf({
    startLine: `HTTP/2 ${stream.status}`,
    fieldLines: lines(stream.fields?.filter(([name]) => !name.startsWith(":"))),
    chunks: undefined,
    chunkLines: [],
    body: stream.data,
    trailerLines: lines(stream.trailers),
    rest: Buffer.alloc(0),
    complete: stream.ended,
  });
}

/** Starts an upload handler as `handle` does, in a server that speaks HTTP/2. */
export function handleHttp2(options: Partial<UploadHandlerOptions> = {}): Promise<Handling<Http2Server>> {
  return handling(createServer(), options);
}

/** What a test needs to go over either protocol. */
export interface Protocol {
  /** Starts an upload handler. */
  readonly handle: (options?: Partial<UploadHandlerOptions>) => Promise<Handling<Server | Http2Server>>;
  /** Makes a server of something else. */
  readonly create: (answer: (req: NodeRequest, res: NodeResponse) => void) => Server | Http2Server;
  /** Sends one request and reads the response. */
  readonly exchange: (port: number, bytes: Uint8Array, options?: { head?: boolean }) => Promise<Answer>;
}

/** Both protocols. */
export const protocols: readonly (readonly [name: "HTTP/1.1" | "HTTP/2", Protocol])[] = [
  ["HTTP/1.1", { handle, create: (answer) => createHttp1Server(answer), exchange }],
  ["HTTP/2", { handle: handleHttp2, create: (answer) => createServer(answer), exchange: exchangeHttp2 }],
];
