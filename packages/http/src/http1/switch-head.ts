import type { FieldLines } from "@trailsum/shared";

import { checkSendable } from "../fields/sendable-field.ts";

/**
 * The head that switches the protocol for an HTTP/1.1 client: the fields of the origin's 101, and the two that make it
 * one. Throws where a hook has put in what may not be sent.
 */
export function switchHead(protocol: string, header: FieldLines): string {
  let lines = "";
  for (const [name, value] of header) {
    checkSendable(name, value);
    lines += `${name}: ${value}\r\n`;
  }
  return `HTTP/1.1 101 Switching Protocols\r\n${lines}Connection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
}
