import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";

import { type Listening, listen } from "@trailsum/testkit";
import { Agent, type Dispatcher } from "undici";
import { onTestFinished } from "vitest";

import { TrailerAgent } from "../../src/index.ts";

/** The options that both agents know. */
interface SharedOptions {
  readonly connect?: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly servername?: string;
    readonly rejectUnauthorized?: boolean;
    readonly timeout?: number;
    readonly socketPath?: string;
  };
  readonly connections?: number;
  readonly headersTimeout?: number;
  readonly bodyTimeout?: number;
  readonly keepAliveTimeout?: number;
}

/** Makes an agent that is destroyed when the test ends. */
export type MakeAgent = (options?: SharedOptions) => Dispatcher;

/** undici's own agent, and ours: what a test of `describe.each(agents)` expects holds for both. */
export const agents: readonly (readonly [name: string, make: MakeAgent])[] = [
  ["undici Agent", (options = {}) => destroyed(new Agent({ ...options }))],
  ["TrailerAgent", (options = {}) => trailerAgent(options)],
];

/** A `TrailerAgent` that is destroyed when the test ends. */
export function trailerAgent(options: ConstructorParameters<typeof TrailerAgent>[0] = {}): TrailerAgent {
  return destroyed(new TrailerAgent(options));
}

function destroyed<T extends Dispatcher>(agent: T): T {
  onTestFinished(() => agent.destroy());
  return agent;
}

/** A node:http server that answers with `listener`; a listener that rejects fails the response. */
export function httpServer(
  listener: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>,
): Promise<Listening> {
  const onRequest: RequestListener = (request, response) => {
    request.on("error", () => {});
    void Promise.resolve(listener(request, response)).catch(() => response.destroy());
  };
  return listen(createServer(onRequest));
}

/** What a server saw of a request. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly rawHeaders: string[];
  readonly body: string;
  readonly rawTrailers: string[];
}

/** Reads all of a request. */
export async function seen(request: IncomingMessage): Promise<SeenRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { method = "", url = "", headers, rawHeaders, rawTrailers } = request;
  return { method, url, headers, rawHeaders, rawTrailers, body: Buffer.concat(chunks).toString("latin1") };
}

/** A server that answers every request with what it saw of it, as JSON. */
export function echoServer(): Promise<Listening> {
  return httpServer(async (request, response) => {
    const json = JSON.stringify(await seen(request));
    response.end(json);
  });
}

/** What `echoServer` answered. */
export async function echoed(response: { readonly body: { json(): Promise<unknown> } }): Promise<SeenRequest> {
  return (await response.body.json()) as SeenRequest;
}

/** The code of the error that `promise` rejects with, or whatever else it rejects with. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : error;
  }
  return "no failure";
}

/** A promise and what settles it. */
export function later<T = void>(): PromiseWithResolvers<T> {
  return Promise.withResolvers<T>();
}
