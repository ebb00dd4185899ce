import type { InboundRequest } from "@trailsum/http/inbound";
import { FieldLines, TrailsumError } from "@trailsum/shared";

import type { OwnResponse } from "../own-response.ts";

const FIELD = "Max-Forwards";

/** The methods for which the field limits how often a request is forwarded (RFC 9110 section 7.6.2). */
const LIMITED: ReadonlySet<string> = new Set(["OPTIONS", "TRACE"]);

/** Fields that may hold secrets and are not reflected (RFC 9110 section 9.3.8). */
const SENSITIVE: ReadonlySet<string> = new Set(["authorization", "proxy-authorization", "cookie"]);

/** How often a request may still be forwarded; undefined without a limit. Throws `PROTOCOL` for an invalid number. */
export function maxForwards({ method, header }: Pick<InboundRequest, "method" | "header">): number | undefined {
  if (!LIMITED.has(method)) return undefined;
  const value = header.get(FIELD);
  if (value === undefined) return undefined;
  if (!/^\d+$/.test(value)) throw new TrailsumError("PROTOCOL", `invalid ${FIELD}: use a number`, { status: 400 });
  return Math.min(Number(value), Number.MAX_SAFE_INTEGER);
}

/** The header with the limit of a request that is forwarded once more. */
export function lessForwards(header: FieldLines, inbound: InboundRequest): FieldLines {
  const limit = maxForwards(inbound);
  return limit === undefined ? header : header.set(FIELD, String(limit - 1));
}

/**
 * The answer to a request that may not be forwarded any more, which this proxy gives as its final recipient: to TRACE the
 * request as it came (RFC 9110 section 9.3.8), to OPTIONS that it has been reached.
 */
export function finalRecipientResponse({ method, target, header, httpVersion }: InboundRequest): OwnResponse {
  if (method === "OPTIONS") return { status: 200 };
  const query = target.query === undefined ? "" : `?${target.query}`;
  let content = `${method} ${target.path}${query} HTTP/${httpVersion}\r\n`;
  for (const [name, value] of header.without((field) => SENSITIVE.has(field.toLowerCase())))
    content += `${name}: ${value}\r\n`;
  return {
    status: 200,
    header: FieldLines.from([["Content-Type", "message/http"]]),
    content: Buffer.from(`${content}\r\n`, "latin1"),
  };
}
