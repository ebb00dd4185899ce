import type { OutgoingHttpHeaders } from "node:http2";

import type { FieldLines } from "@trailsum/shared";

import { NOT_IN_HTTP2_RESPONSES } from "../../fields/connection-fields.ts";
import { checkSendable } from "../../fields/sendable-field.ts";

/**
 * Field lines as Node's HTTP/2 takes them: lower-case names, without forbidden ones. Several lines of
 * one name keep their order. Throws where a hook has put in what may not be sent: Node would drop it without a word.
 */
export function fieldsObject({ raw }: FieldLines): OutgoingHttpHeaders {
  // Without a prototype: names come from strangers.
  const fields = Object.create(null) as Record<string, string | string[]>;
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!.toLowerCase();
    const value = raw[at + 1]!;
    if (NOT_IN_HTTP2_RESPONSES.has(name)) continue;
    checkSendable(name, value);
    const before = fields[name];
    if (before === undefined) fields[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else if (SINGLE.has(name)) fields[name] = `${before}, ${value}`;
    else fields[name] = [before, value];
  }
  return fields;
}

/** Node refuses a list of values for these (its `kSingleValueFields`): they are combined (RFC 9110 section 5.3). */
const SINGLE: ReadonlySet<string> = new Set(
  [
    "access-control-allow-credentials access-control-max-age access-control-request-method age authorization",
    "content-encoding content-language content-length content-location content-md5 content-range content-type",
    "date dnt etag expires from if-match if-modified-since if-none-match if-range if-unmodified-since last-modified",
    "location max-forwards proxy-authorization range referer retry-after tk upgrade-insecure-requests user-agent",
    "x-content-type-options",
  ].flatMap((line) => line.split(" ")),
);
