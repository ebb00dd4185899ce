import type { IncomingMessage } from "node:http";

import { type FieldLine, type ProblemDetails, problemMediaType } from "@trailsum/shared";

import { abortResponse, endResponse, isGone, type NodeRequest, type NodeResponse } from "./node-message.ts";
import { requestHead } from "./request-head.ts";

// How much more a refused sender may send, and for how long, before it is cut off.
const LINGER_BYTES = 64 * 1024 * 1024;
const LINGER_TIME = 10_000;
const LINGER_IDLE = 1_000;

/**
 * Answers with a problem document (RFC 9457). Where the request has not arrived whole it is not read on: the answer goes
 * out at once, says `Connection: close`, and the connection lingers a little before it is closed. In HTTP/2 it is the
 * stream that is closed, and that costs the connection nothing.
 */
export function sendProblem(
  req: NodeRequest,
  res: NodeResponse,
  problem: ProblemDetails,
  headers: Iterable<FieldLine> = [],
): void {
  // Half an answer cannot be taken back, and must not be completed with something else.
  if (res.headersSent || isGone(res)) return abortResponse(res);
  const document = Buffer.from(`${JSON.stringify(problem)}\n`);
  res.statusCode = problem.status;
  res.setHeader("Content-Type", problemMediaType);
  res.setHeader("Content-Length", document.length);
  for (const [name, value] of headers) res.setHeader(name, value);
  // A request without content is complete, though the parser says so only after its listeners have run.
  const whole = req.complete || requestHead(req).size === 0;
  if ("stream" in req || "stream" in res || whole) return endResponse(res, document);
  res.setHeader("Connection", "close");
  res.write(document);
  linger(req, () => res.end());
}

/**
 * Reads and forgets what a sender still sends, for a while, then calls `close`. Closing with unread bytes makes the
 * system reset the connection, and the reset can overtake the answer on its way to a sender that is still writing.
 */
function linger(req: IncomingMessage, close: () => void): void {
  let left = LINGER_BYTES;
  const finish = (): void => {
    clearTimeout(idle);
    clearTimeout(limit);
    req.off("data", forget).off("end", finish).off("close", finish);
    close();
  };
  const forget = (chunk: Buffer): void => {
    left -= chunk.length;
    idle.refresh();
    if (left < 0) finish();
  };
  const idle = setTimeout(finish, LINGER_IDLE);
  const limit = setTimeout(finish, LINGER_TIME);
  req.on("error", () => {});
  req.on("end", finish).on("close", finish).on("data", forget).resume();
}
