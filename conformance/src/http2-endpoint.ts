import { errorCodes, goawayFrame, resetFrame, settings as settingIds } from "@trailsum/testkit/http2-frames";
import type { FieldPairs } from "@trailsum/testkit/http2-hpack";
import type { Http2Peer } from "@trailsum/testkit/http2-peer";

import { type Act, type Endpoint, isFrames, quote, type Scene, type Sent } from "./endpoint.ts";
import { differences, endsAsExpected, type Expected, type SeenMessage } from "./expectation.ts";
import { http2Fields, http2Request, http2Response } from "./http2-fields.ts";
import { malformation } from "./http2-message.ts";
import type { RequestMessage, ResponseMessage } from "./message.ts";

/** Where an endpoint speaks HTTP/2. */
export interface Http2Place {
  readonly peer: Http2Peer;
  readonly stream: ReturnType<Http2Peer["open"]>;
  readonly role: "client" | "origin";
  readonly scheme: "http" | "https";
}

/** A side that speaks HTTP/2 on one stream. */
export class Http2Endpoint implements Endpoint {
  /** Whether the message that it waits for has been seen to its end. */
  finished = false;
  readonly #place: Http2Place;
  readonly #scene: Scene;
  /** What has been sent so far: content waits for the peer's windows. */
  #sent: Promise<void> = Promise.resolve();
  #sentEnd = false;
  /** How many interim responses have been seen, and how much of the content. */
  #interim = 0;
  #taken = 0;
  #protocol: string | undefined;

  constructor(place: Http2Place, scene: Scene) {
    this.#place = place;
    this.#scene = scene;
  }

  send(message: Sent, cut: number): void {
    if (typeof message === "string" || cut > 0) throw new Error("bytes are for HTTP/1.1");
    if (isFrames(message)) {
      const { peer, stream } = this.#place;
      const place = { streamId: stream.id, id: this.#scene.id };
      for (const frame of message) this.#next(() => peer.send(frame(place)));
      return;
    }
    const { content, trailers, framing } = message;
    const alone = content.join("") === "" && trailers.length === 0 && framing !== "chunked";
    this.#head(message, alone && !isTunnel(message));
    if (!alone) {
      for (const piece of content) this.sendContent(piece);
      this.sendEnd(trailers);
    }
    // RFC 9113 section 8.1: after a complete response, so that the rest of the request is not sent.
    if ("closes" in message && message.closes && !this.#place.stream.ended) {
      this.#next(() => this.#place.stream.reset(errorCodes.NO_ERROR));
    }
  }

  sendHead(message: RequestMessage | ResponseMessage): void {
    this.#head(message, false);
  }

  sendContent(piece: string): void {
    const { timeout } = this.#scene.patience;
    this.#next(() => this.#place.stream.body(piece, { timeout }));
  }

  sendEnd(trailers: readonly string[]): void {
    const { stream } = this.#place;
    this.#sentEnd = true;
    this.#next(() =>
      trailers.length > 0 ? stream.endWithTrailers(http2Fields(trailers)) : stream.body("", { endStream: true }),
    );
  }

  async see(expected: Expected, part: "head" | "whole"): Promise<void> {
    const { end = "complete", tunnel } = expected;
    const what = part === "head" ? "a head" : end === "broken" ? "the abort" : "a message";
    const message = await this.#until(() => this.#look(part, expected), what);
    if (message === "nothing") {
      this.finished = true;
      if (end === "complete") throw new Error(`the stream ended without a message: ${this.#ending()}`);
      return;
    }
    const interim = message.status >= 100 && message.status < 200;
    if (interim) this.#interim += 1;
    else if (part === "whole") {
      this.finished = message.complete || !this.#goesOn();
      if (tunnel === undefined) this.#taken = message.content.length;
    }
    if (part === "whole" && end === "complete" && !message.complete) {
      throw new Error(`it was aborted (${this.#ending()}): ${quote(message.text)}`);
    }
    if (part === "whole" && message.complete && !endsAsExpected(expected, message)) {
      throw new Error(`it came to an end: ${quote(message.text)}`);
    }
    if (part === "whole" && end === "broken" && message.complete) return;
    const found = differences(expected, message, { part, spelled: this.#scene.spelled });
    if (found.length > 0) throw new Error(found.join("; "));
  }

  async seeContent(text: string): Promise<void> {
    const { stream } = this.#place;
    await this.#until(() => stream.data.length >= text.length || !this.#goesOn() || undefined, quote(text));
    const there = stream.data.toString("latin1");
    if (!there.startsWith(text)) throw new Error(`content ${quote(there)}, not ${quote(text)}`);
  }

  async seeBytes(text: string): Promise<void> {
    const { stream } = this.#place;
    const end = this.#taken + text.length;
    await this.#until(() => stream.data.length >= end || !this.#goesOn() || undefined, quote(text));
    const there = stream.data.toString("latin1", this.#taken, end);
    if (there !== text) throw new Error(`${quote(there)}, not ${quote(text)}`);
    this.#taken = end;
  }

  async seeEnd(): Promise<void> {
    const { stream } = this.#place;
    const complete = this.finished;
    const over = (): boolean => stream.resetCode !== undefined || this.#gone() || (!complete && stream.ended);
    const unread = (): string => stream.data.toString("latin1", this.#taken);
    await this.#until(() => over() || unread() !== "" || undefined, "the end");
    if (unread() !== "") throw new Error(`${quote(unread())} instead of the end`);
  }

  act(what: Act): void {
    const { peer, stream, role, scheme } = this.#place;
    if (what === "end") {
      if (!this.#sentEnd) this.sendEnd([]);
    } else if (what === "reset") {
      const code = role === "client" ? errorCodes.CANCEL : errorCodes.INTERNAL_ERROR;
      this.#next(() => peer.send(resetFrame(stream.id, code)));
    } else if (what === "close") {
      this.#next(() => peer.send(goawayFrame(role === "client" ? 0 : stream.id)));
      this.#next(async () => peer.connection.destroy());
    } else {
      // Below TLS there is no way to reset.
      this.#next(async () => (scheme === "https" ? peer.connection.destroy() : peer.connection.reset()));
    }
  }

  #head(message: RequestMessage | ResponseMessage, end: boolean): void {
    const { peer, stream, scheme } = this.#place;
    if (end) this.#sentEnd = true;
    if ("status" in message) {
      const interim = message.status < 200 && !message.switches;
      this.#sentEnd = end && !interim;
      this.#next(() => stream.headers(http2Response(message), { endStream: end && !interim }));
      return;
    }
    this.#protocol = message.protocol;
    if (message.protocol !== undefined && !offersExtendedConnect(peer))
      throw new Error("it offers no extended CONNECT");
    this.#next(() => stream.headers(http2Request(message, this.#scene.id, scheme), { endStream: end }));
  }

  /** Sends after what is being sent. What cannot be sent shows in what the other side does not see. */
  #next(send: () => Promise<void>): void {
    this.#sent = this.#sent.then(send).catch(() => {});
  }

  /** More can come on the stream. */
  #goesOn(): boolean {
    const { stream } = this.#place;
    return !stream.ended && stream.resetCode === undefined && !this.#gone();
  }

  #gone(): boolean {
    return this.#place.peer.connection.ended;
  }

  #ending(): string {
    const { stream, peer } = this.#place;
    const name = (code: number | undefined): string | undefined =>
      Object.entries(errorCodes).find(([, value]) => value === code)?.[0];
    if (stream.resetCode !== undefined) return `RST_STREAM ${name(stream.resetCode)}`;
    return peer.goaway === undefined ? "the connection ended" : `GOAWAY ${name(peer.goaway.errorCode)}`;
  }

  /** The next message as far as it is there; nothing while it is not there far enough. */
  #look(part: "head" | "whole", expected: Expected): SeenMessage | "nothing" | undefined {
    const { stream, role } = this.#place;
    const interim = stream.informational[this.#interim];
    if (interim !== undefined)
      return this.#seen({ fields: interim, trailers: [], content: "", complete: true }, expected);
    const { fields } = stream;
    if (fields === undefined) return this.#goesOn() ? undefined : "nothing";
    const { tunnel } = expected;
    const complete = stream.ended || tunnel !== undefined;
    if (part === "whole" && !complete && this.#goesOn()) return undefined;
    const content = tunnel === undefined ? stream.data.toString("latin1") : "";
    const message = this.#seen({ fields, trailers: stream.trailers ?? [], content, complete }, expected);
    const opens = role === "origin" ? valueOf(fields, ":protocol") : this.#protocol;
    const agrees = role === "origin" || (message.status >= 200 && message.status < 300 && !stream.ended);
    return { ...message, tunnel: agrees ? opens : undefined };
  }

  #seen(
    parts: { fields: FieldPairs; trailers: FieldPairs; content: string; complete: boolean },
    { toHead = false, tunnel }: Expected,
  ): SeenMessage {
    const { fields, trailers, content, complete } = parts;
    const status = Number(valueOf(fields, ":status") ?? 0);
    const bare = toHead || status === 304 || tunnel !== undefined || (status > 0 && status < 200);
    const wrong = malformation({ fields, trailers, length: content.length, complete, bare });
    if (wrong !== undefined) throw new Error(`a malformed message: ${wrong}`);
    const lines = linesOf(fields);
    const empty = content === "" && trailers.length === 0 && complete;
    const length = valueOf(fields, "content-length");
    return {
      status,
      method: valueOf(fields, ":method") ?? "",
      target: valueOf(fields, ":path") ?? "",
      version: "2",
      fields: lines,
      framing: length !== undefined && trailers.length === 0 ? "length" : empty ? "none" : "chunked",
      content,
      trailers: linesOf(trailers),
      tunnel: undefined,
      text: `${[...fields, ["", ""], ...trailers].map(([name, value]) => `${name}: ${value}`).join("\r\n")}\r\n${content}`,
      complete,
    };
  }

  async #until<Found>(look: () => Found | undefined, what: string): Promise<Found> {
    const { signal, timeout } = this.#scene.patience;
    const over = Promise.withResolvers<never>();
    const stop = (): void => over.reject(new Error("over"));
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    const found = this.#place.peer.until(look, what, timeout);
    return Promise.race([found, over.promise]).finally(() => signal.removeEventListener("abort", stop));
  }
}

/** Field lines as HTTP/1.1 would have them: the authority is in `Host`, and there are no pseudo-header fields. */
function linesOf(fields: FieldPairs): string[] {
  const authority = valueOf(fields, ":authority");
  const lines = fields.filter(([name]) => !name.startsWith(":"));
  const host = authority === undefined || valueOf(lines, "host") === authority ? [] : [`host: ${authority}`];
  return [...host, ...lines.map(([name, value]) => `${name}: ${value}`)];
}

function valueOf(fields: FieldPairs, name: string): string | undefined {
  return fields.find(([found]) => found === name)?.[1];
}

function isTunnel(message: RequestMessage | ResponseMessage): boolean {
  return "switches" in message ? message.switches : message.protocol !== undefined;
}

function offersExtendedConnect(peer: Http2Peer): boolean {
  const reported = peer.frames.flatMap(({ settings = [] }) => settings);
  return reported.some(([id, value]) => id === settingIds.ENABLE_CONNECT_PROTOCOL && value === 1);
}
