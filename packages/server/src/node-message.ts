import { type IncomingMessage, Server, type ServerResponse } from "node:http";
import { constants, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";

import { resetConnection } from "@trailsum/http/transport";

import { Http2Content } from "./http2-stream.ts";

/** A request of `node:http`, or of the compatibility API of `node:http2`. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;

/** The response that belongs to a {@link NodeRequest}. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** Whether a request was aborted, so that what has arrived of it is not complete. */
export function isBrokenOff(req: NodeRequest): boolean {
  return "stream" in req ? req.aborted : req.destroyed && !req.readableEnded;
}

/**
 * Whether a request that has just emitted `end` arrived whole. An HTTP/2 request also emits `end` when its stream is
 * reset, with `complete` set and, if the response had ended, without `aborted`. A stream whose response has not ended is
 * closed only by a reset. One whose response has ended may have been closed by the end of both: it counts as reset.
 */
export function arrivedWhole(req: NodeRequest): boolean {
  return "stream" in req ? !req.stream.closed : req.complete;
}

/** The error that aborted a request, if it is known. */
export function faultOf(req: NodeRequest): Error | undefined {
  if ("stream" in req) return req.stream.errored ?? undefined;
  return req.socket?.errored ?? req.errored ?? undefined;
}

/**
 * How long `node:http` lets a request take, content included, in milliseconds: `server.requestTimeout`, 300,000 unless it
 * is set. 0 means no limit.
 */
export function requestTimeout(req: NodeRequest): number {
  const server: unknown = "stream" in req ? undefined : Reflect.get(req.socket, "server");
  return server instanceof Server ? server.requestTimeout : 0;
}

/** Whether the client can no longer receive a response. */
export function isGone(res: NodeResponse): boolean {
  if ("stream" in res) return res.stream.destroyed || res.stream.closed;
  return res.destroyed || res.socket === null || res.socket.destroyed;
}

/**
 * Aborts a response so that it cannot be taken for a complete one. An HTTP/1.1 connection is reset: where the end of the
 * connection marks the end of the content, an orderly close would look like success. Destroying an HTTP/2 response resets
 * its stream with NO_ERROR, which some clients take for success.
 */
export function abortResponse(res: NodeResponse): void {
  if ("stream" in res) return res.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  const { socket } = res;
  if (socket !== null) resetConnection(socket);
  res.destroy();
}

/** Ends a response with all of its content. */
export function endResponse(res: NodeResponse, content: Buffer): void {
  // An HTTP/2 response without content has ended with its header section.
  if (!("stream" in res)) res.end(content);
  else if (res.req.method === "HEAD") res.end();
  // Its errors are handled where the stream is read.
  else new Http2Content(res).on("error", () => {}).end(content);
}
