import { FieldLines } from "@trailsum/shared";

import { NOT_IN_HTTP2_RESPONSES } from "../../fields/connection-fields.ts";
import { httpDate } from "../http-date.ts";

/** The lines of a final response, with a `Date` if it is absent (RFC 9110 section 6.6.1), and with the length if it is known. */
export function finalFields(header: FieldLines, length: string | undefined): FieldLines {
  const lines = sentLines(header);
  let [dated, counted] = [false, length === undefined];
  for (let at = 0; at < lines.length; at += 2) {
    dated ||= lines[at] === "date";
    counted ||= lines[at] === "content-length";
  }
  if (!dated) lines.push("date", httpDate());
  if (!counted) lines.push("content-length", length!);
  return FieldLines.owning(lines);
}

/** The lines of an interim response, or of trailers. */
export function plainFields(fields: FieldLines): FieldLines {
  return fields.length === 0 ? fields : FieldLines.owning(sentLines(fields));
}

/** What may be sent over HTTP/2, with names in lower case. */
function sentLines({ raw }: FieldLines): string[] {
  const lines: string[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!.toLowerCase();
    if (!NOT_IN_HTTP2_RESPONSES.has(name)) lines.push(name, raw[at + 1]!);
  }
  return lines;
}
