import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/** A request as Node's servers give it: of `node:http`, or of the compatibility API of `node:http2`. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;

/** The response that Node's servers give beside a {@link NodeRequest}. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** Whether a request was broken off: what it has brought, and may still bring, is not all that its sender meant. */
export function isBrokenOff(req: NodeRequest): boolean {
  return "stream" in req ? req.aborted : req.destroyed && !req.readableEnded;
}

/**
 * Whether a request that has come to its `end` arrived whole. One of HTTP/2 comes to it as well when its stream is reset,
 * and says `complete` then; it says `aborted`, too, but not where the response had been ended before. In that case a
 * stream that is closed by now may have been closed by either side's end or by a reset, and counts as reset.
 */
export function arrivedWhole(req: NodeRequest): boolean {
  return "stream" in req ? !req.aborted && !req.stream.closed : req.complete;
}

/** What broke a request off, where that is known. */
export function faultOf(req: NodeRequest): Error | undefined {
  if ("stream" in req) return req.stream.errored ?? undefined;
  return req.socket?.errored ?? req.errored ?? undefined;
}

/** Whether there is nobody left to send a response to. */
export function isGone(res: NodeResponse): boolean {
  if ("stream" in res) return res.stream.destroyed || res.stream.closed;
  return res.destroyed || res.socket === null || res.socket.destroyed;
}

/**
 * Breaks a response off so that nobody can take it for a whole one. A plain connection is reset: where only the end of
 * the connection marks the end of the content, an orderly close would look like success. So would, to some, a stream of
 * HTTP/2 that is reset with NO_ERROR, which is what destroying the response does.
 */
export function abortResponse(res: NodeResponse): void {
  if ("stream" in res) return res.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  const { socket } = res;
  if (socket instanceof Socket && !(socket instanceof TLSSocket) && !socket.destroyed) socket.resetAndDestroy();
  res.destroy();
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
