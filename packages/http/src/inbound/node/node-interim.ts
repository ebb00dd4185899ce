import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Http2ServerResponse } from "node:http2";

import type { FieldLines } from "@trailsum/shared";

import { fieldsObject } from "./fields-object.ts";

/**
 * Sends an interim response through a response object of Node's that has not sent its head. Node offers a method for each of
 * 100, 102 and 103, and none that takes other fields than `Link`; on the wire of HTTP/1.1 all of them are a head and nothing
 * more. HTTP/1.0 knows none.
 */
export function sendInterim(res: ServerResponse | Http2ServerResponse, status: number, header: FieldLines): void {
  if (res.headersSent) return;
  if ("stream" in res) {
    if (!res.stream.closed) res.stream.additionalHeaders({ ":status": status, ...fieldsObject(header) });
    return;
  }
  if (res.req.httpVersion === "1.0" || res.socket === null || !res.socket.writable) return;
  let lines = "";
  for (const [name, value] of header) lines += `${name}: ${value}\r\n`;
  res.socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines}\r\n`, "latin1");
}
