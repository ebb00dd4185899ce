import { ConnectionFault } from "@trailsum/http/http2";
import { errorCodes } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { connectionLost, streamReset } from "../../src/dispatcher/http2/stream-error.ts";
import { transportError } from "../../src/index.ts";

const url = new URL("https://host:8443/secret/path?token=x");

test.each([
  [
    "NO_ERROR",
    "UND_ERR_SOCKET",
    "CONNECTION_LOST",
    "the server broke it off (HTTP/2: the stream was reset with NO_ERROR)",
  ],
  ["CANCEL", "UND_ERR_SOCKET", "CONNECTION_LOST", "the server broke it off (HTTP/2: the stream was reset with CANCEL)"],
  ["REFUSED_STREAM", "UND_ERR_SOCKET", "CONNECTION_LOST", "the server refused the request before processing it"],
  ["ENHANCE_YOUR_CALM", "UND_ERR_SOCKET", "CONNECTION_LOST", "the server asks for fewer or smaller requests"],
  ["INADEQUATE_SECURITY", "UND_ERR_SOCKET", "PROTOCOL", "the server requires stronger TLS"],
  ["HTTP_1_1_REQUIRED", "UND_ERR_SOCKET", "PROTOCOL", "the server requires HTTP/1.1 for this request"],
  [
    "PROTOCOL_ERROR",
    "HPE_HTTP2_PROTOCOL_ERROR",
    "PROTOCOL",
    "what answers there does not speak HTTP/2 as it should (HTTP/2: the stream was reset with PROTOCOL_ERROR)",
  ],
  [
    "FLOW_CONTROL_ERROR",
    "HPE_HTTP2_FLOW_CONTROL_ERROR",
    "PROTOCOL",
    "what answers there does not speak HTTP/2 as it should (HTTP/2: the stream was reset with FLOW_CONTROL_ERROR)",
  ],
] as const)("a stream that was reset with %s is an error %s, and %s to users", (name, code, kind, sentence) => {
  const cause = new Error("what Node says");
  const error = streamReset(errorCodes[name], cause);
  expect(error).toMatchObject({ code, http2ErrorCode: errorCodes[name], cause });
  expect(transportError(error, url)).toMatchObject({ code: kind, message: `https://host:8443: ${sentence}` });
});

test("an error code that is unknown is reported by its number", () => {
  expect(streamReset(0x1234)).toMatchObject({
    code: "UND_ERR_SOCKET",
    message: "HTTP/2: the stream was reset with 4660",
  });
});

test("a connection is lost by GOAWAY, by a rule that the server breaks, by an error of its socket, or its end", () => {
  expect(connectionLost(undefined, 11)).toMatchObject({ code: "UND_ERR_SOCKET", http2ErrorCode: 11 });
  const wrong = new ConnectionFault(1, "PING on stream 1");
  expect(connectionLost(wrong)).toMatchObject({ code: "HPE_HTTP2_PROTOCOL_ERROR", http2ErrorCode: 1, cause: wrong });
  const reset = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
  expect(connectionLost(reset)).toBe(reset);
  expect(connectionLost(undefined)).toMatchObject({ code: "UND_ERR_SOCKET", message: "other side closed" });
});
