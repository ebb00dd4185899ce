import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";

import { TrailsumError } from "@trailsum/shared";

/**
 * The target of a request. A router cuts the path that it is mounted at off `url`, and keeps the whole as `originalUrl`
 * (Express, Connect): that one, where `original` asks for it. What is left by cutting may be empty, or a query alone.
 */
export function requestUrl(req: IncomingMessage | Http2ServerRequest, original: boolean): string {
  const whole = original && "originalUrl" in req ? req.originalUrl : undefined;
  const url = typeof whole === "string" ? whole : (req.url ?? "");
  return url === "" || url.startsWith("?") ? `/${url}` : url;
}

/** Why content that a body parser has taken cannot be read. */
export function alreadyRead(): TrailsumError {
  return new TrailsumError("INTERNAL", "something in front of the handler has read the content of the request");
}
