import { createHash } from "node:crypto";

import { CASE, type Framing, type RequestMessage, type ResponseMessage } from "./message.ts";

/** The `Sec-WebSocket-Key` of clients. */
export const WEBSOCKET_KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** The `Sec-WebSocket-Accept` that answers a key (RFC 6455 section 4.2.2). */
export function websocketAccept(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

/** The message as sent in HTTP/1.1, as latin1 text. `id` is its case, `key` the one to accept. */
export function http1Text(given: RequestMessage | ResponseMessage | string, id: string, key: string): string {
  if (typeof given === "string") return given.replaceAll(CASE, `X-Case: ${id}`);
  const { content, framing, trailers } = given;
  return [
    http1Head(given, id, key),
    ...content.map((piece) => http1Piece(framing, piece)),
    http1End(framing, trailers),
  ].join("");
}

/** The head alone, with the empty line. */
export function http1Head(given: RequestMessage | ResponseMessage, id: string, key: string): string {
  const start = "method" in given ? requestLines(given, id) : responseLines(given, key);
  // RFC 9110 section 10.1.4: TE is for one hop.
  const options = given.fields.some((line) => /^TE:/i.test(line)) ? ["Connection: TE"] : [];
  const lines = [...start, ...given.fields, ...options, ...framingLines(given)];
  return `${lines.map(ended).join("")}\r\n`;
}

/** A piece of content: a chunk, or as it is. */
export function http1Piece(framing: Framing, data: string): string {
  return framing === "chunked" ? `${data.length.toString(16)}\r\n${data}\r\n` : data;
}

/** What follows the content. */
export function http1End(framing: Framing, trailers: readonly string[]): string {
  return framing === "chunked" ? `0\r\n${trailers.map(ended).join("")}\r\n` : "";
}

function requestLines({ method, target, host, version, protocol }: RequestMessage, id: string): string[] {
  const lines = [`${method} ${target} HTTP/${version}`, `Host: ${host}`, `X-Case: ${id}`];
  if (protocol === undefined) return lines;
  const key = [`Sec-WebSocket-Version: 13`, `Sec-WebSocket-Key: ${WEBSOCKET_KEY}`];
  return [...lines, "Connection: Upgrade", `Upgrade: ${protocol}`, ...key];
}

function responseLines({ status, reason, version, switches, closes }: ResponseMessage, key: string): string[] {
  const lines = [`HTTP/${version} ${status} ${reason}`];
  if (closes) lines.push("Connection: close");
  if (!switches) return lines;
  return [...lines, "Connection: Upgrade", "Upgrade: websocket", `Sec-WebSocket-Accept: ${websocketAccept(key)}`];
}

function framingLines({ framing, content }: RequestMessage | ResponseMessage): string[] {
  if (framing === "chunked") return ["Transfer-Encoding: chunked"];
  return framing === "length" ? [`Content-Length: ${content.join("").length}`] : [];
}

function ended(text: string): string {
  return `${text}\r\n`;
}
