import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";

import { TrailsumError } from "@trailsum/shared";

/** The target of a request, and what a router has cut off its front. */
export interface RoutedTarget {
  readonly url: string;
  /** Without a slash at its end; empty where the request was not routed. */
  readonly mountPath: string;
}

/**
 * The target of a request. A router cuts the path that it is mounted at off `url`, and keeps the whole as `originalUrl`
 * (Express, Connect): that one, where `original` asks for it. What is left by cutting may be empty, or a query alone.
 */
export function routedTarget(req: IncomingMessage | Http2ServerRequest, original: boolean): RoutedTarget {
  const { url = "" } = req;
  const whole = "originalUrl" in req && typeof req.originalUrl === "string" ? req.originalUrl : url;
  return original ? { url: rooted(whole), mountPath: "" } : { url: rooted(url), mountPath: cutOff(whole, url) };
}

function rooted(url: string): string {
  return url === "" || url.startsWith("?") ? `/${url}` : url;
}

function cutOff(whole: string, rest: string): string {
  if (whole === rest) return "";
  const [path = ""] = whole.split("?", 1);
  const [end = ""] = rest.split("?", 1);
  return path.endsWith(end) ? path.slice(0, path.length - end.length).replace(/\/$/, "") : "";
}

/** Why content that a body parser has taken cannot be read. */
export function alreadyRead(): TrailsumError {
  return new TrailsumError("INTERNAL", "something in front of the handler has read the content of the request");
}
