import type { Http2ServerRequest } from "node:http2";

import { FieldLines } from "@trailsum/shared";

import { http2Request, type Http2RequestContext } from "../http2/http2-request.ts";
import type { InboundRequest } from "../inbound-request.ts";
import type { RoutedTarget } from "./node-message.ts";

/** What is known of a request beside its fields. */
export interface MountedRequestContext extends Http2RequestContext {
  /** Its target and object, and whether the client waits for a 100. */
  readonly mounted: RoutedTarget & { readonly waits: boolean; readonly message: Http2ServerRequest };
}

/**
 * A request of node:http2, from its raw lines: name, value, ..., pseudo-header fields included. Node has checked the form of the
 * message (RFC 9113 section 8.3).
 */
export function nodeHttp2Request(
  raw: readonly string[],
  { mounted: { url, mountPath, waits, message }, ...context }: MountedRequestContext,
): InboundRequest {
  const pseudo = new Map<string, string>();
  const lines: string[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!;
    if (name.startsWith(":")) pseudo.set(name, raw[at + 1]!);
    else lines.push(name, raw[at + 1]!);
  }
  const head = {
    method: pseudo.get(":method") ?? "GET",
    path: url,
    authority: pseudo.get(":authority"),
    protocol: pseudo.get(":protocol"),
    fields: FieldLines.owning(lines),
  };
  return { ...http2Request(head, context), mountPath, expectsContinue: waits, message };
}
