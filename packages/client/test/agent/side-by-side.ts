import type { SeenRequest } from "@trailsum/testkit";
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
