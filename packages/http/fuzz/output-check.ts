import { connectionPreface, type Http2Frame } from "@trailsum/testkit";
import { FrameReader } from "@trailsum/testkit/http2-frame-reader";
import { FieldDecoder } from "@trailsum/testkit/http2-hpack";

/** Looks whether what a session sends could be understood, and keeps to the order that RFC 9113 sections 5.1 and 8.1 demand. */
export class OutputCheck {
  readonly #reader = new FrameReader();
  // A session uses at most the default, and a peer may allow less: its decoder does not forget as early then.
  readonly #decoder = new FieldDecoder();
  /** Streams on which HEADERS were sent, and those on which nothing may follow. */
  readonly #begun = new Set<number>();
  readonly #ended = new Set<number>();
  readonly #reset = new Set<number>();
  #preface: Buffer;
  #block: { readonly streamId: number; readonly endStream: boolean; readonly fragments: Buffer[] } | undefined;
  /** Octets of content that were sent. */
  content = 0;

  constructor(role: "client" | "server") {
    this.#preface = role === "client" ? connectionPreface : Buffer.alloc(0);
  }

  /** Throws for what may not be sent. */
  read(output: Buffer): void {
    const length = Math.min(this.#preface.length, output.length);
    if (!this.#preface.subarray(0, length).equals(output.subarray(0, length))) throw new Error("a bad preface");
    this.#preface = this.#preface.subarray(length);
    for (const frame of this.#reader.read(output.subarray(length))) this.#check(frame);
  }

  #check(frame: Http2Frame): void {
    const { type, streamId } = frame;
    if (this.#block !== undefined && (type !== "CONTINUATION" || streamId !== this.#block.streamId)) {
      throw new Error(`${type} within a field block`);
    }
    if (this.#reset.has(streamId)) throw new Error(`${type} on stream ${streamId}, which was reset`);
    if (type === "RST_STREAM") this.#reset.add(streamId);
    if (type === "DATA") this.#checkData(frame);
    else if (type === "HEADERS") this.#checkHeaders(frame);
    else if (type === "CONTINUATION") this.#continue(frame);
    else if (type.startsWith("frame ") || type === "PUSH_PROMISE") throw new Error(`${type} was sent`);
  }

  #checkData({ streamId, endStream, body }: Http2Frame): void {
    if (!this.#begun.has(streamId)) throw new Error(`DATA before HEADERS on stream ${streamId}`);
    if (this.#ended.has(streamId)) throw new Error(`DATA after the end of stream ${streamId}`);
    this.content += body.length;
    if (endStream) this.#ended.add(streamId);
  }

  #checkHeaders(frame: Http2Frame): void {
    const { streamId, endStream } = frame;
    if (this.#ended.has(streamId)) throw new Error(`HEADERS after the end of stream ${streamId}`);
    this.#begun.add(streamId);
    this.#block = { streamId, endStream, fragments: [] };
    this.#continue(frame);
  }

  #continue({ body, endHeaders }: Http2Frame): void {
    const block = this.#block!;
    block.fragments.push(body);
    if (!endHeaders) return;
    this.#decoder.decode(Buffer.concat(block.fragments));
    if (block.endStream) this.#ended.add(block.streamId);
    this.#block = undefined;
  }
}
