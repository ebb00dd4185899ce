import type { FieldPairs } from "@trailsum/testkit/http2-hpack";

import { CASE, type RequestMessage, type ResponseMessage } from "./message.ts";

/** The header section of a request in HTTP/2. `id` is its case. */
export function http2Request(given: RequestMessage, id: string, scheme: "http" | "https"): FieldPairs {
  const { method, target, host, protocol } = given;
  const asks: FieldPairs =
    protocol === undefined
      ? [[":method", method]]
      : [
          [":method", "CONNECT"],
          [":protocol", protocol],
        ];
  return [
    ...asks,
    [":scheme", scheme],
    [":authority", host],
    [":path", target],
    ["x-case", id],
    ...(protocol === undefined ? [] : ([["sec-websocket-version", "13"]] as const)),
    ...http2Fields(given.fields),
    ...lengthOf(given),
  ];
}

/** The header section of a response in HTTP/2. */
export function http2Response(given: ResponseMessage): FieldPairs {
  const status = given.switches ? 200 : given.status;
  return [[":status", String(status)], ...http2Fields(given.fields), ...lengthOf(given)];
}

/** Field lines as HTTP/2 wants them: names in lower case, no whitespace around values. */
export function http2Fields(lines: readonly string[]): FieldPairs {
  return lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).replaceAll(/^[ \t]+|[ \t]+$/g, "")];
  });
}

/** A field line `name: value`, where pseudo fields begin with their colon; or a name and a value that no line can say. */
export type RawField = string | readonly [name: string, value: string];

/** Field lines as they are, however wrong. */
export function rawFields(lines: readonly RawField[], id: string): FieldPairs {
  return lines.map((line) => {
    if (typeof line === "object") return line;
    if (line === CASE) return ["x-case", id];
    const colon = line.indexOf(":", 1);
    return [line.slice(0, colon), line.slice(colon + ": ".length)];
  });
}

function lengthOf({ framing, content }: RequestMessage | ResponseMessage): FieldPairs {
  return framing === "length" ? [["content-length", String(content.join("").length)]] : [];
}
