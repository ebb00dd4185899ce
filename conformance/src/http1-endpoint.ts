import { fieldValues, parseMessage } from "@trailsum/testkit/parse-message";

import { type Act, type Endpoint, isFrames, quote, type Scene, type Sent } from "./endpoint.ts";
import { differences, endsAsExpected, type Expected, type SeenMessage } from "./expectation.ts";
import { http1End, http1Head, http1Piece, http1Text, websocketAccept, WEBSOCKET_KEY } from "./http1-text.ts";
import type { Framing, RequestMessage, ResponseMessage } from "./message.ts";
import type { Wire } from "./wire.ts";

/** A side that speaks HTTP/1.1 over `wire`, byte by byte. */
export class Http1Endpoint implements Endpoint {
  readonly wire: Wire;
  readonly #scene: Scene;
  /** Of the message that is being sent. */
  #framing: Framing = "none";
  /** The `Sec-WebSocket-Key` that came. */
  #key = "";

  constructor(wire: Wire, scene: Scene) {
    this.wire = wire;
    this.#scene = scene;
  }

  send(message: Sent, cut: number): void {
    if (isFrames(message)) throw new Error("frames are for HTTP/2");
    const text = http1Text(message, this.#scene.id, this.#key);
    this.#write(text.slice(0, text.length - cut));
    if (typeof message === "object" && "closes" in message && message.closes) this.wire.socket.end();
  }

  sendHead(message: RequestMessage | ResponseMessage): void {
    this.#framing = message.framing;
    this.#write(http1Head(message, this.#scene.id, this.#key));
  }

  sendContent(piece: string): void {
    this.#write(http1Piece(this.#framing, piece));
  }

  sendEnd(trailers: readonly string[]): void {
    this.#write(http1End(this.#framing, trailers));
  }

  async see(expected: Expected, part: "head" | "whole"): Promise<void> {
    const { end = "complete" } = expected;
    const what = part === "head" ? "a head" : end === "broken" ? "the abort" : "a message";
    const seen = await this.wire.until(() => this.#look(part, expected), what, this.#scene.patience);
    if (seen === "nothing") {
      if (end === "complete") throw new Error("the connection ended without a message");
      return;
    }
    const { message } = seen;
    if (part === "whole" && end === "complete" && !message.complete) {
      throw new Error(`it was aborted: ${quote(message.text)}`);
    }
    if (part === "whole" && message.complete && !endsAsExpected(expected, message)) {
      throw new Error(`it came to an end: ${quote(message.text)}`);
    }
    if (part === "whole") this.wire.leave(seen.rest);
    if (part === "whole" && end === "broken" && message.complete) return;
    const found = differences(expected, message, { part, spelled: this.#scene.spelled });
    if (found.length > 0) throw new Error(found.join("; "));
  }

  async seeContent(text: string): Promise<void> {
    const content = (): string => parseMessage(this.wire.unread).body.toString("latin1");
    const enough = (): true | undefined => content().length >= text.length || this.wire.ended || undefined;
    await this.wire.until(enough, quote(text), this.#scene.patience);
    if (!content().startsWith(text)) throw new Error(`content ${quote(content())}, not ${quote(text)}`);
  }

  async seeBytes(text: string): Promise<void> {
    const enough = (): true | undefined => this.wire.unread.length >= text.length || this.wire.ended || undefined;
    await this.wire.until(enough, quote(text), this.#scene.patience);
    const there = this.wire.unread.toString("latin1", 0, text.length);
    if (there !== text) throw new Error(`${quote(there)}, not ${quote(text)}`);
    this.wire.leave(this.wire.unread.length - text.length);
  }

  async seeEnd(): Promise<void> {
    const { wire } = this;
    await wire.until(() => wire.ended || wire.unread.length > 0 || undefined, "the end", this.#scene.patience);
    if (wire.unread.length > 0) throw new Error(`${quote(wire.unread.toString("latin1"))} instead of the end`);
  }

  act(what: Act): void {
    const { socket } = this.wire;
    if (what === "end") socket.end();
    else if (what === "close") socket.destroy();
    else socket.resetAndDestroy();
  }

  #write(text: string): void {
    this.wire.socket.write(text, "latin1");
  }

  /** The next message as far as it is there; nothing while it is not there far enough. */
  #look(
    part: "head" | "whole",
    { toHead = false }: Expected,
  ): { message: SeenMessage; rest: number } | "nothing" | undefined {
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
      tunnel: isResponse ? agreedTo(two, parsed.fieldLines) : this.#askedFor(parsed.fieldLines),
      text: unread.toString("latin1", 0, unread.length - parsed.rest.length),
      complete,
    };
    return { message, rest: parsed.rest.length };
  }

  /** What a request asks to switch to. A WebSocket has a version and a key of 16 octets (RFC 6455 section 4.1). */
  #askedFor(lines: readonly string[]): string | undefined {
    const protocol = upgradeOf(lines);
    if (protocol?.toLowerCase() !== "websocket") return protocol;
    const [key = "", ...others] = fieldValues(lines, "sec-websocket-key");
    this.#key = key;
    const right = others.length === 0 && Buffer.from(key, "base64").length === 16;
    return right && fieldValues(lines, "sec-websocket-version").join() === "13" ? protocol : undefined;
  }
}

/** What a response switches to. A WebSocket accepts the key of this client (RFC 6455 section 4.1). */
function agreedTo(status: string, lines: readonly string[]): string | undefined {
  const protocol = status === "101" ? upgradeOf(lines) : undefined;
  const accepts = fieldValues(lines, "sec-websocket-accept").join() === websocketAccept(WEBSOCKET_KEY);
  return protocol?.toLowerCase() === "websocket" && !accepts ? undefined : protocol;
}

function upgradeOf(lines: readonly string[]): string | undefined {
  const options = fieldValues(lines, "connection")
    .join()
    .toLowerCase()
    .split(/[ \t]*,[ \t]*/);
  return options.includes("upgrade") ? fieldValues(lines, "upgrade").join() : undefined;
}

function framingOf(lines: readonly string[], startLine: string, toHead: boolean): Framing {
  const has = (name: string): boolean => lines.some((line) => line.toLowerCase().startsWith(`${name}:`));
  if (has("transfer-encoding")) return "chunked";
  if (has("content-length")) return "length";
  const status = /^HTTP\/1\.\d (\d{3})/.exec(startLine)?.[1];
  if (status === undefined || toHead || /^1|204|304/.test(status)) return "none";
  return "until-close";
}
