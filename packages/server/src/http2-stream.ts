import { constants, type Http2ServerRequest, type Http2ServerResponse, type ServerHttp2Stream } from "node:http2";
import { Writable } from "node:stream";

/**
 * Has a stream let go of everything once its client has reset it. Node does so by itself, but not where the reset says
 * NO_ERROR and something waits to be read or to be sent: then it would wait with it until the connection is closed.
 */
export function destroyWhenReset(stream: ServerHttp2Stream): void {
  // Not at once: Node has not done with it when it says so.
  stream.once("aborted", () => setImmediate(() => stream.destroy()));
}

/**
 * Has a sender that is still sending told to stop once it has its answer, by RST_STREAM with NO_ERROR (RFC 9113 section
 * 8.1). Its connection goes on. Node does so by itself only where nobody has read the request and the answer has content.
 */
export function stopBehindAnswer(req: Http2ServerRequest): void {
  const { stream } = req;
  const stop = (): void => {
    // 1 where the request has ended by itself.
    if (stream.state.remoteClose === 1) return;
    // What is there unread would keep the stream from closing.
    req.resume();
    stream.close(constants.NGHTTP2_NO_ERROR);
  };
  // The trailers, which end the response, are sent in the immediate after they were asked for; none are asked for where
  // the header section is all there is.
  stream.once("wantTrailers", () => setImmediate(stop));
  stream.once("finish", () => setImmediate(() => stream.state.localClose === 1 && stop()));
}

/**
 * The content of a response. It is ended only when all of it has been sent: nothing tells of a reset that comes between
 * an end and the last byte, which waits for the client's window.
 */
export class Http2Content extends Writable {
  readonly #res: Http2ServerResponse;

  constructor(res: Http2ServerResponse) {
    super();
    this.#res = res;
    destroyWhenReset(res.stream);
    res.once("close", () => this.destroy());
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#res.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#res.end(done);
  }
}
