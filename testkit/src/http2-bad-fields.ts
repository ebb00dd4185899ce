import type { FieldPairs } from "./http2-hpack.ts";

/** Fields that make a request or a response malformed or too large, in its header section and in its trailers. */
export const refusedFields: readonly (readonly [name: string, fields: FieldPairs])[] = [
  ["an upper-case name", [["X-Upper", "x"]]],
  ["Connection", [["connection", "x"]]],
  ["Transfer-Encoding", [["transfer-encoding", "chunked"]]],
  ["Keep-Alive", [["keep-alive", "timeout=5"]]],
  ["Proxy-Connection", [["proxy-connection", "close"]]],
  ["Upgrade", [["upgrade", "websocket"]]],
  ["a TE other than trailers", [["te", "gzip"]]],
  ["a pseudo field after the others", [[":path", "/other"]]],
  ["a pseudo field that there is not", [[":other", "x"]]],
  ["more fields than anybody reads", Array.from({ length: 3000 }, (_, index) => [`x-${index}`, ""] as const)],
  [
    "larger fields than anybody reads",
    Array.from({ length: 50 }, (_, index) => [`x-${index}`, "y".repeat(2000)] as const),
  ],
];

/** A field so large that it is not taken for a mistake. */
export const monstrousField: FieldPairs = [["x", "y".repeat(100_000)]];

/**
 * Fields that make a message malformed as well (RFC 9113, section 8.2.1), but that nghttp2 takes out silently instead, where
 * its user does not object, as Node does not (nghttp2 issue 2871). Whatever happens to the message, its receiver must not see them.
 */
export const smuggledFields: FieldPairs = [
  ["x smuggled", "x"],
  ["x:smuggled", "x"],
  ["x\r\nsmuggled", "x"],
  ["x\0smuggled", "x"],
  ["x\xe4smuggled", "x"],
  ["", "smuggled"],
  ["x", "a\r\nsmuggled: x"],
  ["x", "a\nsmuggled: x"],
  ["x", "a\0smuggled"],
];
