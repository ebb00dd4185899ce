import { TrailsumError } from "@trailsum/shared";

import type { NodeRequest, NodeResponse } from "../node-message.ts";
import type { UploadHandler } from "../upload-handler.ts";
import { readBefore } from "../verify-request.ts";

/** A request listener as Connect defines it. Express, and middleware of NestJS on either platform, take it. */
export type ConnectHandler = (req: NodeRequest, res: NodeResponse, next: (error?: unknown) => void) => void;

/** The upload handler as middleware, mounted by a router that cuts its path off `req.url`. */
export function connectHandler(handler: UploadHandler): ConnectHandler {
  return (req, res, next) => {
    const fault = readBefore(req);
    if (fault === undefined) void handler(req, res);
    else next(fault);
  };
}

/**
 * Answers a request of a router that does not cut the path off: while it is answered, `req.url` is what is below `mountPath`,
 * and `req.originalUrl` the whole, as under Connect. Throws `USAGE` if its content has been read.
 */
export async function answerBelow(
  mountPath: string,
  handler: UploadHandler,
  [req, res]: readonly [NodeRequest, NodeResponse],
): Promise<void> {
  const fault = readBefore(req);
  if (fault !== undefined) throw fault;
  const whole = req.url ?? "";
  Object.assign(req, { originalUrl: whole, url: whole.slice(mountPath.length) });
  try {
    await handler(req, res);
  } finally {
    req.url = whole;
  }
}

/**
 * What a target has in front of the `*` of the pattern that it was routed by: as many segments as the pattern, in the escapes
 * that the client chose. Throws `PATH_INVALID` where they are not alike.
 */
export function mountPathOf(target: string, pattern: string): string {
  const depth = pattern.slice(0, pattern.indexOf("*")).split("/").length - 1;
  const segments = target.replace(/\?.*$/s, "").split("/");
  const mount = segments.slice(0, depth);
  if (segments[0] === "" && segments.length > depth && !mount.slice(1).includes("")) return mount.join("/");
  throw new TrailsumError("PATH_INVALID", "the path has an empty segment: write one slash, not several");
}
