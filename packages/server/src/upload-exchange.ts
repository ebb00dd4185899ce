import { STATUS_CODES } from "node:http";

import type { InboundExchange, OpenRecord, OutgoingHead } from "@trailsum/http/inbound";
import { type FieldLine, FieldLines, redactedTarget } from "@trailsum/shared";

import type { RequestHead } from "./request/request-head.ts";

/** An exchange whose request the upload resource answers. */
export interface UploadExchange {
  readonly head: RequestHead;
  readonly exchange: InboundExchange;
  /** The address of the client; that of the peer, unless a trusted proxy states a different one. */
  readonly client: string | undefined;
  /** When its head was read, by `performance.now`. */
  readonly began: number;
  /** Its record, if anything is to get it. */
  readonly record: OpenRecord | undefined;
}

/** Sends a 100 to a client that waits for one before it sends its content. */
export function proceed({ exchange }: UploadExchange): void {
  if (exchange.request.expectsContinue) exchange.interim(100, FieldLines.empty);
}

/** A response whose content is known as a whole. */
export interface ShortResponse {
  readonly status: number;
  readonly header: Iterable<FieldLine>;
  /** Nothing for a status that has none. `Content-Length` is added. */
  readonly content?: Buffer | undefined;
  /** Whether content of the request that has not come is given up. */
  readonly givesUp?: boolean | undefined;
}

/** Sends it. HEAD is answered with the fields of GET (RFC 9110 section 9.3.2). */
export function sendShort(
  exchange: InboundExchange,
  { status, header, content, givesUp = false }: ShortResponse,
): void {
  const hasContent = content !== undefined && exchange.request.method !== "HEAD";
  exchange.head({
    ...responseHead(status, header),
    length: content === undefined ? undefined : String(content.length),
    hasContent,
    trailers: false,
    givesUp,
  });
  if (hasContent) exchange.write(content);
  exchange.end(FieldLines.empty);
}

/** The part of a head that its framing does not decide. */
export function responseHead(
  status: number,
  header: Iterable<FieldLine>,
): Pick<OutgoingHead, "status" | "reason" | "header"> {
  return { status, reason: STATUS_CODES[status] ?? "", header: FieldLines.from(header) };
}

/** A request in one line of a log: its method and its target, without the secrets that may be in its query. */
export function describe({ method, target }: RequestHead): string {
  return `${method} ${JSON.stringify(redactedTarget(target))}`;
}
