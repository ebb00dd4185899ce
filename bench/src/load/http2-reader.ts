import { FrameReader } from "@trailsum/testkit/http2-frame-reader";
import type { Http2Frame } from "@trailsum/testkit/http2-frames";
import { type FieldPairs, FieldDecoder } from "@trailsum/testkit/http2-hpack";

import type { Message } from "./message-reader.ts";

/** What is read on a connection of HTTP/2. */
export interface Http2Events {
  message(streamId: number, message: Message): void;
  /** Any other frame than those of messages. */
  control(frame: Http2Frame): void;
  /** So many bytes of content came. */
  content(bytes: number): void;
}

/** Reads the messages of one direction of a connection of HTTP/2. It keeps no content. */
export class Http2Reader {
  readonly #events: Http2Events;
  readonly #frames = new FrameReader();
  readonly #fields = new FieldDecoder();
  readonly #begun = new Map<number, { head: string; trailers: string; size: number }>();

  constructor(events: Http2Events) {
    this.#events = events;
  }

  read(piece: Buffer): void {
    for (const frame of this.#frames.read(piece)) {
      if (frame.type === "HEADERS") this.#onFields(frame);
      else if (frame.type === "DATA") this.#onContent(frame);
      else this.#events.control(frame);
    }
  }

  #onFields({ streamId, body, endHeaders, endStream }: Http2Frame): void {
    if (!endHeaders) throw new Error("a field section in several frames");
    const fields = this.#fields.decode(body);
    const begun = this.#begun.get(streamId);
    if (begun !== undefined) begun.trailers = linesOf(fields);
    else if (!isInterim(fields)) this.#begun.set(streamId, { head: headOf(fields), trailers: "", size: 0 });
    if (endStream) this.#end(streamId);
  }

  #onContent({ streamId, payload, body, endStream }: Http2Frame): void {
    this.#events.content(payload.length);
    const begun = this.#begun.get(streamId);
    if (begun !== undefined) begun.size += body.length;
    if (endStream) this.#end(streamId);
  }

  #end(streamId: number): void {
    const message = this.#begun.get(streamId);
    this.#begun.delete(streamId);
    if (message !== undefined) this.#events.message(streamId, message);
  }
}

/** The head as HTTP/1.1 would have it, so that one reading does for both. */
function headOf(fields: FieldPairs): string {
  const pseudo = Object.fromEntries(fields.filter(([name]) => name.startsWith(":")));
  const status = pseudo[":status"];
  const startLine = status === undefined ? `${pseudo[":method"]} ${pseudo[":path"]} HTTP/2` : `HTTP/2 ${status}`;
  return `${startLine}\r\n${linesOf(fields.filter(([name]) => !name.startsWith(":")))}`;
}

function linesOf(fields: FieldPairs): string {
  return fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
}

function isInterim([first]: FieldPairs): boolean {
  return first !== undefined && first[0] === ":status" && first[1].startsWith("1");
}
