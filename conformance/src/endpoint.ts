import { parseMessage } from "@trailsum/testkit/parse-message";

import { differences, type Expected, type SeenMessage } from "./expectation.ts";
import { type Framing, http1Text, type RequestMessage, type ResponseMessage } from "./message.ts";
import type { Wire } from "./wire.ts";

/**
 * One side of a case: what a script can do on it. Cases speak of messages and what they mean, so that a side can be
 * played in another version of HTTP by another implementation of this.
 */
export interface Endpoint {
  send(message: RequestMessage | ResponseMessage | string, cut: number): void;
  see(expected: Expected, part: "head" | "whole"): Promise<void>;
  seeBytes(text: string): Promise<void>;
  seeEnd(): Promise<void>;
  act(what: "end" | "reset" | "close"): void;
}

/** How long a side waits, and what ends its waiting. */
export interface Patience {
  readonly timeout: number;
  readonly signal: AbortSignal;
}

/** A side that speaks HTTP/1.1 over `wire`, byte by byte. */
export class Http1Endpoint implements Endpoint {
  readonly wire: Wire;
  readonly #id: string;
  readonly #patience: Patience;

  constructor(wire: Wire, id: string, patience: Patience) {
    this.wire = wire;
    this.#id = id;
    this.#patience = patience;
  }

  send(message: RequestMessage | ResponseMessage | string, cut: number): void {
    const text = http1Text(message, this.#id);
    this.wire.socket.write(text.slice(0, text.length - cut), "latin1");
  }

  async see(expected: Expected, part: "head" | "whole"): Promise<void> {
    const { end = "complete", toHead = false } = expected;
    const seen = await this.wire.until(() => this.#look(part, toHead), {
      what: part === "head" ? "a head" : end === "broken" ? "the breaking off" : "a message",
      ...this.#patience,
    });
    if (seen === "nothing") {
      if (end === "complete") throw new Error("the connection ended without a message");
      return;
    }
    if (part === "head" || end === "complete") {
      if (part === "whole" && !seen.message.complete) throw new Error(`it broke off: ${quote(seen.message.text)}`);
    } else if (end === "broken" && seen.message.complete && seen.message.status < 500) {
      throw new Error(`it came to an end: ${quote(seen.message.text)}`);
    }
    if (part === "whole") this.wire.leave(seen.rest);
    if (end === "broken" && seen.message.complete) return;
    const found = differences(expected, seen.message, part);
    if (found.length > 0) throw new Error(found.join("; "));
  }

  async seeBytes(text: string): Promise<void> {
    await this.wire.until(() => (this.wire.unread.length >= text.length || this.wire.ended ? true : undefined), {
      what: quote(text),
      ...this.#patience,
    });
    const there = this.wire.unread.toString("latin1", 0, text.length);
    if (there !== text) throw new Error(`${quote(there)}, not ${quote(text)}`);
    this.wire.leave(this.wire.unread.length - text.length);
  }

  async seeEnd(): Promise<void> {
    const { wire } = this;
    await wire.until(() => wire.ended || wire.unread.length > 0 || undefined, { what: "the end", ...this.#patience });
    if (wire.unread.length > 0) throw new Error(`${quote(wire.unread.toString("latin1"))} instead of the end`);
  }

  act(what: "end" | "reset" | "close"): void {
    const { socket } = this.wire;
    if (what === "end") socket.end();
    else if (what === "reset") socket.resetAndDestroy();
    else socket.destroy();
  }

  /** The next message as far as it is there; nothing while it is not there far enough. */
  #look(part: "head" | "whole", toHead: boolean): { message: SeenMessage; rest: number } | "nothing" | undefined {
    const { unread, ended, broken } = this.wire;
    if (unread.length === 0) return ended ? "nothing" : undefined;
    const parsed = parseMessage(unread, { head: toHead });
    const framing = framingOf(parsed.fieldLines, parsed.startLine, toHead);
    const untilClose = framing === "until-close";
    const headIsThere = unread.includes("\r\n\r\n");
    const complete = parsed.complete && (!untilClose || (ended && !broken));
    const there = part === "head" ? headIsThere || ended : complete || ended;
    if (!there) return undefined;
    const [one = "", two = "", three = ""] = parsed.startLine.split(" ");
    const isResponse = one.startsWith("HTTP/");
    const message: SeenMessage = {
      status: isResponse ? Number(two) : 0,
      method: isResponse ? "" : one,
      target: isResponse ? "" : two,
      version: (isResponse ? one : three).slice("HTTP/".length),
      fields: parsed.fieldLines,
      framing,
      content: parsed.body.toString("latin1"),
      trailers: parsed.trailerLines,
      text: unread.toString("latin1", 0, unread.length - parsed.rest.length),
      complete,
    };
    return { message, rest: parsed.rest.length };
  }
}

function framingOf(lines: readonly string[], startLine: string, toHead: boolean): Framing {
  const has = (name: string): boolean => lines.some((line) => line.toLowerCase().startsWith(`${name}:`));
  if (has("transfer-encoding")) return "chunked";
  if (has("content-length")) return "length";
  const status = /^HTTP\/1\.\d (\d{3})/.exec(startLine)?.[1];
  if (status === undefined || toHead || /^1|204|304/.test(status)) return "none";
  return "until-close";
}

function quote(text: string): string {
  return JSON.stringify(text.length > 400 ? `${text.slice(0, 400)}…` : text);
}
