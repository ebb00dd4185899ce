import type { InboundExchange } from "@trailsum/http/inbound";
import { type FieldLine, type ProblemDetails, problemMediaType } from "@trailsum/shared";

import { sendShort } from "../upload-exchange.ts";

/**
 * Answers with a problem document (RFC 9457). Content of the request that has not arrived is given up: the answer goes
 * out at once, over HTTP/1.1 with `Connection: close`.
 */
export function sendProblem(
  exchange: InboundExchange,
  problem: ProblemDetails,
  fields: Iterable<FieldLine> = [],
): void {
  // Half an answer cannot be taken back, and must not be completed with something else.
  if (exchange.status !== undefined || exchange.gone) return exchange.abort();
  const content = Buffer.from(`${JSON.stringify(problem)}\n`);
  const header: FieldLine[] = [["Content-Type", problemMediaType], ...fields];
  sendShort(exchange, { status: problem.status, header, content, givesUp: true });
}
