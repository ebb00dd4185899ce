import { ErrorCode } from "../error-code.ts";
import { ConnectionFault } from "../fault.ts";

/** What a client sends before its first SETTINGS (RFC 9113 section 3.4). Its first line is not a valid HTTP/1.1 request. */
export const CLIENT_PREFACE: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** Whether the first bytes of a connection are the preface, with or without more, or may still become it. */
export function http2Preface(first: Buffer): "whole" | "begun" | "none" {
  const compared = Math.min(first.length, CLIENT_PREFACE.length);
  if (first.compare(CLIENT_PREFACE, 0, compared, 0, compared) !== 0) return "none";
  return compared === CLIENT_PREFACE.length ? "whole" : "begun";
}

/** The server's view of the start of a connection: the client's preface, in any pieces. */
export class PrefaceReader {
  #read = 0;

  /** Whether all of the preface has been read. */
  get done(): boolean {
    return this.#read === CLIENT_PREFACE.length;
  }

  /** Reads the part of the preface in `bytes` and returns its length. Throws at the first octet that differs. */
  read(bytes: Buffer): number {
    const length = Math.min(bytes.length, CLIENT_PREFACE.length - this.#read);
    const end = this.#read + length;
    if (bytes.compare(CLIENT_PREFACE, this.#read, end, 0, length) !== 0) {
      throw new ConnectionFault(ErrorCode.PROTOCOL_ERROR, "the client does not begin with the preface of HTTP/2");
    }
    this.#read = end;
    return length;
  }
}
