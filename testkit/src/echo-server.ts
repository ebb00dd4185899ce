import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

import { listen, type Listening } from "./listen.ts";

/** What a server saw of a request. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string | undefined>;
  readonly rawHeaders: string[];
  /** latin1. */
  readonly body: string;
  readonly rawTrailers: string[];
}

/** A node:http server. A listener that rejects aborts the response. */
export function httpServer(
  listener: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>,
): Promise<Listening> {
  return listen(
    createServer((request, response) => {
      request.on("error", () => {});
      void Promise.resolve(listener(request, response)).catch(() => response.destroy());
    }),
  );
}

/** Reads all of a request. */
export async function seen(request: IncomingMessage): Promise<SeenRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { method = "", url = "", headers, rawHeaders, rawTrailers } = request;
  const body = Buffer.concat(chunks).toString("latin1");
  return { method, url, headers: headers as SeenRequest["headers"], rawHeaders, rawTrailers, body };
}

/** A server that answers every request with what it saw of it, as JSON. */
export function echoServer(): Promise<Listening> {
  return httpServer(async (request, response) => {
    const json = JSON.stringify(await seen(request));
    response.end(json);
  });
}
