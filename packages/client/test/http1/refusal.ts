import { rawServer } from "@trailsum/testkit";

import { trailerAgent } from "../agent/side-by-side.ts";
import { content, record } from "./recording.ts";

const PLAIN = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond";

/** What became of a bad answer, and of the request after it. */
export interface Outcome {
  readonly code: string | undefined;
  readonly status: number | undefined;
  readonly body: string;
  /** Whether a clean end was reported. */
  readonly clean: boolean;
  readonly ends: number;
  /** What the next request of the same agent was answered. */
  readonly next: string;
  /** How many connections both requests took. */
  readonly connections: number;
}

/** How a server gives an answer, besides its bytes. */
export interface Manner {
  readonly method?: string;
  /** The server closes its side after the bytes. */
  readonly ends?: boolean;
}

/** The outcome of an answer that is refused: an error, no clean end, and a new connection for the next request. */
export function refusal(code: string): Partial<Outcome> {
  return { code, clean: false, ends: 1, next: "second", connections: 2 };
}

/** Lets a server answer a request with `bytes`, and the next one plainly. Settles once the connection is closed. */
export async function outcome(bytes: string, { method, ends }: Manner = {}): Promise<Outcome> {
  const server = await rawServer(async (connection, index) => {
    await connection.readHead();
    if (index > 0) await connection.write(PLAIN);
    else if (ends === true) connection.end(bytes);
    else await connection.write(bytes);
  });
  const agent = trailerAgent({ connections: 1 });
  const recording = await record(agent, server.origin, { method: method ?? "GET" }).ended;
  const next = await record(agent, server.origin).ended;
  await server.connections[0]!.readToEnd();
  return {
    code: recording.error?.code,
    status: recording.status,
    body: content(recording),
    clean: recording.trailers !== undefined,
    ends: recording.ends,
    next: content(next),
    connections: server.connections.length,
  };
}
