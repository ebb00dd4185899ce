import { redactedTarget } from "@trailsum/shared";

import { superviseStream, stopBehindAnswer } from "./http2-stream.ts";
import type { NodeRequest, NodeResponse } from "./node-message.ts";
import { type RequestHead, requestHead } from "./request-head.ts";

/** One request, its response, and what lets the content come. */
export interface UploadExchange {
  readonly head: RequestHead;
  readonly req: NodeRequest;
  readonly res: NodeResponse;
  /** Tells a sender that waits for it to go on. */
  proceed(): void;
}

/** Begins an exchange; `proceed` sends a 100, which is asked for at most once. */
export function openExchange(req: NodeRequest, res: NodeResponse, proceed: () => void = () => {}): UploadExchange {
  const head = requestHead(req);
  // What goes wrong with the connection shows where it is read or written; it must not bring the process down.
  req.on("error", () => {});
  res.on("error", () => {});
  if ("stream" in req) {
    superviseStream(req.stream);
    stopBehindAnswer(req);
  }
  return { head, req, res, proceed: () => head.expectsContinue && proceed() };
}

/** A request in one line of a log: its method and its target, without the secrets that may be in its query. */
export function describe({ method, target }: RequestHead): string {
  return `${method} ${JSON.stringify(redactedTarget(target))}`;
}
