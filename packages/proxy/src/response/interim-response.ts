import { STATUS_CODES, type ServerResponse } from "node:http";

import type { FieldLines } from "@trailsum/shared";

import { endToEndFields } from "../hop-by-hop.ts";

/**
 * Relays an interim response (RFC 9110 section 15.2), stripped of what was for the hop behind us. Node offers a method
 * for each of 100, 102 and 103, and none that takes other fields than `Link`; on the wire of HTTP/1.1 all of them are a
 * head and nothing more. HTTP/1.0 knows none.
 */
export function relayInterim(res: ServerResponse, status: number, header: FieldLines): void {
  if (res.headersSent || res.req.httpVersion !== "1.1" || res.socket === null || !res.socket.writable) return;
  const fields = endToEndFields(header).without((name) => name.toLowerCase() === "content-length");
  const lines = [...fields].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  res.socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines}\r\n`, "latin1");
}
