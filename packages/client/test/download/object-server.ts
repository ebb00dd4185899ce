import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";

import type { Listening } from "@trailsum/testkit";

import { httpServer } from "../transfer/peers.ts";

/** A foreign file server: one object, its strong tag, and ranges under `If-Range` and `If-Match`. */
export interface ObjectServer extends Listening {
  /** What it serves now. */
  content: Buffer;
  tag: string;
  /** The requests so far: method, range, and what they are conditional on. */
  readonly asked: string[];
  /** Answers in place of it, where that returns true. */
  instead: (request: IncomingMessage, response: ServerResponse, at: number) => boolean;
  /** What an answer waits for. */
  before: (at: number) => Promise<void>;
  /** Further fields of a response. */
  fields: (part: Buffer) => Record<string, string>;
  /** After how many bytes of content the connection of a response is cut. */
  cutAfter: (at: number) => number;
}

export async function objectServer(content: Buffer): Promise<ObjectServer> {
  const state: Omit<ObjectServer, keyof Listening> = {
    content,
    tag: '"one"',
    asked: [],
    instead: () => false,
    before: async () => {},
    fields: () => ({}),
    cutAfter: () => Infinity,
  };
  const listening = await httpServer(async (request, response) => {
    const { headers, method = "" } = request;
    const conditions = [headers.range, headers["if-range"], headers["if-match"]];
    const at = state.asked.push([method, ...conditions].filter((part) => part !== undefined).join(" ")) - 1;
    await state.before(at);
    if (state.instead(request, response, at)) return;
    const { content: whole, tag } = state;
    if (headers["if-match"] !== undefined && headers["if-match"] !== tag) {
      response.writeHead(412).end();
      return;
    }
    const range = headers["if-range"] === undefined || headers["if-range"] === tag ? headers.range : undefined;
    const [, first = "0", last = ""] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [];
    const start = Number(first);
    if (range !== undefined && start >= whole.length) {
      response.writeHead(416, { "Content-Range": `bytes */${whole.length}` }).end();
      return;
    }
    const end = last === "" ? whole.length : Math.min(Number(last) + 1, whole.length);
    const part = whole.subarray(start, end);
    response.writeHead(range === undefined ? 200 : 206, {
      "Content-Length": part.length,
      ETag: tag,
      ...(range === undefined ? {} : { "Content-Range": `bytes ${start}-${end - 1}/${whole.length}` }),
      ...state.fields(part),
    });
    const cut = state.cutAfter(at);
    if (method === "HEAD") response.end();
    else if (part.length <= cut) response.end(part);
    else response.write(part.subarray(0, cut), () => response.destroy());
  });
  return Object.assign(state, listening);
}

/** A digest as a member of `Repr-Digest` or `Content-Digest`. */
export function sha256Field(bytes: Uint8Array): string {
  return `sha-256=:${createHash("sha256").update(bytes).digest("base64")}:`;
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Bytes of which no stretch is like another. */
export function patterned(size: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  for (let at = 0, state = seed; at < size; at += 1) {
    state = (state * 48_271) % 2_147_483_647;
    bytes[at] = state % 256;
  }
  return bytes;
}
