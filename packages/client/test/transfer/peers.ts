import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";

import { type FieldLine, FieldLines, TrailsumError } from "@trailsum/shared";
import { deadline, listen, type Listening, parseMessage, type RawConnection, until } from "@trailsum/testkit";

/** What a server saw of an upload. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly header: FieldLines;
  readonly content: Buffer;
  readonly trailer: FieldLines;
  /** Whether the message came to its end. */
  readonly complete: boolean;
}

/** A node:http server that takes uploads. */
export interface Receiver extends Listening {
  /** Every upload that has come to an end, good or bad. */
  readonly uploads: readonly Received[];
}

/** Starts a server that reads each request to its end and then lets `answer` answer it; 201 without content by default. */
export async function receiver(
  answer: (response: ServerResponse, upload: Received, index: number) => unknown = (response) =>
    response.writeHead(201).end(),
): Promise<Receiver> {
  const uploads: Received[] = [];
  const listening = await httpServer(async (request, response) => {
    // Before a source that can be read once is sent, the server is asked what it supports.
    if (request.method === "OPTIONS") {
      response.writeHead(204).end();
      return;
    }
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    await new Promise((resolve) => request.once("close", resolve));
    const { method = "", url: path = "", complete } = request;
    const upload = {
      method,
      path,
      header: FieldLines.fromRaw(request.rawHeaders),
      content: Buffer.concat(chunks),
      trailer: FieldLines.fromRaw(request.rawTrailers),
      complete,
    };
    const index = uploads.push(upload) - 1;
    if (complete) answer(response, upload, index);
  });
  return { ...listening, uploads };
}

/** A node:http server that answers with `listener`. */
export function httpServer(
  listener: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<Listening> {
  const onRequest: RequestListener = (request, response) => {
    request.on("error", () => {});
    const answering = async (): Promise<unknown> => listener(request, response);
    answering().catch(() => response.destroy());
  };
  return listen(createServer(onRequest));
}

/** Waits until a whole request has arrived on a connection, and takes it apart. */
export async function wholeRequest(connection: RawConnection): Promise<ReturnType<typeof parseMessage>> {
  const isWhole = (): boolean => parseMessage(connection.received).complete;
  await until(isWhole, () => `no whole request: ${connection.received.toString("latin1").slice(0, 500)}`);
  return parseMessage(connection.received);
}

/** The error that `promise` rejects with: nothing but a TrailsumError will do. */
export async function rejection(promise: Promise<unknown>): Promise<TrailsumError> {
  const outcome = await deadline(
    promise.then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    ),
    () => "it neither resolved nor rejected",
  );
  if ("error" in outcome && outcome.error instanceof TrailsumError) return outcome.error;
  throw new Error("it did not reject with a TrailsumError", { cause: "error" in outcome ? outcome.error : undefined });
}

/** A response as it is sent. */
export function wireResponse(status: string, fields: readonly FieldLine[], content = ""): string {
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return `HTTP/1.1 ${status}\r\n${lines}\r\n${content}`;
}
