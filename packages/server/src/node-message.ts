import { type IncomingMessage, Server, type ServerResponse } from "node:http";
import { constants, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";

import { resetConnection } from "@trailsum/shared/http1";

import { Http2Content } from "./http2-stream.ts";

/** A request as Node's servers give it: of `node:http`, or of the compatibility API of `node:http2`. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;

/** The response that Node's servers give beside a {@link NodeRequest}. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** Whether a request was broken off: what it has brought, and may still bring, is not all that its sender meant. */
export function isBrokenOff(req: NodeRequest): boolean {
  return "stream" in req ? req.aborted : req.destroyed && !req.readableEnded;
}

/**
 * Whether a request that has just come to its `end` arrived whole. One of HTTP/2 comes to it when its stream is reset,
 * too, says that it is `complete`, and does not even say `aborted` where the response had been ended before. But a
 * stream whose response is still to be ended is closed by nothing else. One whose response was ended may have been
 * closed by the end of both: it counts as reset.
 */
export function arrivedWhole(req: NodeRequest): boolean {
  return "stream" in req ? !req.stream.closed : req.complete;
}

/** What broke a request off, where that is known. */
export function faultOf(req: NodeRequest): Error | undefined {
  if ("stream" in req) return req.stream.errored ?? undefined;
  return req.socket?.errored ?? req.errored ?? undefined;
}

/**
 * How long `node:http` lets a request take, content included, in milliseconds: `server.requestTimeout`, 300,000 unless it
 * is set. 0 is no limit.
 */
export function requestTimeout(req: NodeRequest): number {
  const server: unknown = "stream" in req ? undefined : Reflect.get(req.socket, "server");
  return server instanceof Server ? server.requestTimeout : 0;
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
  if (socket !== null) resetConnection(socket);
  res.destroy();
}

/** Ends a response with all of its content. */
export function endResponse(res: NodeResponse, content: Buffer): void {
  // In HTTP/2 one that has no content has ended with its header section, and takes none.
  if (!("stream" in res)) res.end(content);
  else if (res.req.method === "HEAD") res.end();
  // What goes wrong with it shows in the stream.
  else new Http2Content(res).on("error", () => {}).end(content);
}
