import { type IncomingMessage, Server } from "node:http";
import type { Http2ServerRequest } from "node:http2";

import { TrailsumError } from "@trailsum/shared";

/**
 * How long node:http lets a request take, content included, in milliseconds: `server.requestTimeout`, 300,000 unless it
 * is set. 0 means no limit.
 */
export function requestTimeout(req: IncomingMessage | Http2ServerRequest): number {
  const server: unknown = "stream" in req ? undefined : Reflect.get(req.socket, "server");
  return server instanceof Server ? server.requestTimeout : 0;
}

/** Why a request did not arrive whole: malformed, if Node's parser says so; otherwise a lost connection. */
export function lostReason(req: IncomingMessage | Http2ServerRequest): TrailsumError {
  const cause = ("stream" in req ? req.stream.errored : (req.socket?.errored ?? req.errored)) ?? undefined;
  const code = cause !== undefined && "code" in cause ? String(cause.code) : "";
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    const limit = requestTimeout(req) / 1_000;
    const message = `node:http ended the request after its requestTimeout of ${limit} s: set server.requestTimeout to 0`;
    return new TrailsumError("TIMEOUT", message, { cause });
  }
  // To the parser, the end of the connection within a message is an error, too.
  return code.startsWith("HPE_") && code !== "HPE_INVALID_EOF_STATE"
    ? new TrailsumError("PROTOCOL", "the request is not well-formed HTTP", { cause, status: 400 })
    : new TrailsumError("CONNECTION_LOST", "the request was aborted before its end", { cause, status: 400 });
}
