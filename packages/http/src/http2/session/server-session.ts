import { ErrorCode } from "../error-code.ts";
import { ConnectionFault, StreamFault } from "../fault.ts";
import { PrefaceReader } from "../frames/preface.ts";
import type { HpackField } from "../hpack/field.ts";
import { readRequestHead } from "../message/request-head.ts";
import { tooLarge } from "./frame-receiver.ts";
import type { ServerHandler } from "./handlers.ts";
import type { ServerSessionOptions } from "./options.ts";
import { ServerStream } from "./server-stream.ts";
import { Session } from "./session.ts";

/** The server's side of an HTTP/2 connection. Its handler is given the requests. */
export class ServerSession extends Session {
  readonly #handler: ServerHandler;
  readonly #options: ServerSessionOptions;
  readonly #preface = new PrefaceReader();

  constructor(handler: ServerHandler, options: ServerSessionOptions = {}) {
    super("server", handler, options);
    this.#handler = handler;
    this.#options = options;
  }

  /** Begins the connection: sends SETTINGS. To be called once, before anything else; need not wait for the client. */
  start(): void {
    const { maxConcurrentStreams = 256, enableConnectProtocol = false } = this.#options;
    this.begin({ maxConcurrentStreams, ...(enableConnectProtocol ? { enableConnectProtocol } : {}) });
  }

  protected override read(bytes: Buffer): void {
    super.read(this.#preface.done ? bytes : bytes.subarray(this.#preface.read(bytes)));
  }

  protected override openStream(streamId: number, lines: readonly HpackField[] | undefined, endStream: boolean): void {
    const { streams, local } = this.connection;
    // RFC 9113 section 5.1.1.
    if (streamId % 2 === 0) throw new ConnectionFault(ErrorCode.PROTOCOL_ERROR, "a stream with an even identifier");
    streams.openRemote(streamId);
    // RFC 9113 section 6.8: the client knows that it is not processed.
    if (this.refusesStreams) return;
    if (streams.size >= local.current.maxConcurrentStreams) {
      // RFC 9113 section 5.1.2.
      throw new StreamFault(ErrorCode.REFUSED_STREAM, "more streams than may be open");
    }
    if (lines === undefined) throw tooLarge();
    const request = readRequestHead(lines, local.current.enableConnectProtocol);
    const stream = new ServerStream(this.connection, streamId);
    stream.receiveRequest(request, endStream);
    streams.add(stream);
    stream.handler = this.#handler.onRequest(stream, request, endStream);
  }
}
