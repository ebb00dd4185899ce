import { STATUS_CODES } from "node:http";

import type { InboundExchange } from "@trailsum/http/inbound";
import { FieldLines } from "@trailsum/shared";

/** A response that the proxy makes itself. */
export interface OwnResponse {
  readonly status: number;
  /** Default: the one that goes with the status. */
  readonly reason?: string | undefined;
  readonly header?: FieldLines | undefined;
  /** The content; a text is sent as UTF-8. Its length is added. */
  readonly content?: string | Uint8Array | undefined;
  /** Over HTTP/2, the error code with which the stream is reset in place of all that (RFC 9113 section 7). */
  readonly resetCode?: number | undefined;
}

/** Sends it, without waiting for the rest of the request. */
export function sendOwnResponse(exchange: InboundExchange, response: OwnResponse): void {
  if (response.resetCode !== undefined && exchange.request.httpVersion === "2.0") {
    exchange.abort(response.resetCode);
    return;
  }
  const content = Buffer.from(response.content ?? "");
  const { status } = response;
  const hasContent = exchange.request.method !== "HEAD" && status >= 200 && status !== 204 && status !== 304;
  exchange.head({
    status,
    reason: response.reason ?? STATUS_CODES[status] ?? "",
    header: (response.header ?? FieldLines.empty).set("Content-Length", String(content.length)),
    hasContent,
    trailers: false,
    length: String(content.length),
    givesUp: true,
  });
  if (hasContent && content.length > 0) exchange.write(content);
  exchange.end(FieldLines.empty);
}
