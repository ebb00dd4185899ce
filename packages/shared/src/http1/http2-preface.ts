/** What a client of HTTP/2 begins with (RFC 9113 section 3.4). Its first line is no request of HTTP/1.1. */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** Whether the first bytes of a connection are the preface of HTTP/2, with or without more, or may still become it. */
export function http2Preface(first: Buffer): "whole" | "begun" | "none" {
  const compared = Math.min(first.length, PREFACE.length);
  if (first.compare(PREFACE, 0, compared, 0, compared) !== 0) return "none";
  return compared === PREFACE.length ? "whole" : "begun";
}
