import type { FieldLines } from "@trailsum/shared";

import { checkSendable, unsendable } from "../../fields/sendable-field.ts";
import { fieldLinesText } from "../../http1/field-lines-text.ts";
import { httpDate } from "../http-date.ts";

/** What surrounds the fields in the head of a response. */
export interface HeadFrame {
  readonly status: number;
  readonly reason: string;
  readonly header: FieldLines;
  /** The lines about framing and the connection, each with its CRLF. */
  readonly framing: string;
}

const REASON = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * The head of a response in wire format, latin1, with its final empty line. A `Date` is added where there is
 * none (RFC 9110 section 6.6.1). Throws where a hook has put in what may not be sent.
 */
export function responseHeadText({ status, reason, header: { raw }, framing }: HeadFrame): string {
  if (!Number.isInteger(status) || status < 200 || status > 999 || !REASON.test(reason)) throw unsendable("status");
  let head = `HTTP/1.1 ${status} ${reason}\r\n`;
  let dated = false;
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!;
    const value = raw[at + 1]!;
    checkSendable(name, value);
    dated ||= name.length === 4 && name.toLowerCase() === "date";
    head += `${name}: ${value}\r\n`;
  }
  return dated ? `${head}${framing}\r\n` : `${head}Date: ${httpDate()}\r\n${framing}\r\n`;
}

/** The head of an interim response, which nothing is added to. */
export function interimHeadText(status: number, reason: string, { raw }: FieldLines): string {
  return `HTTP/1.1 ${status} ${reason}\r\n${fieldLinesText(raw)}\r\n`;
}
