import { refusedFields } from "./http2-bad-fields.ts";
import {
  connectionPreface,
  dataFrame,
  errorCodes,
  fieldSection,
  headersFrame,
  pushPromiseFrame,
  resetFrame,
  settingsFrame,
} from "./http2-frames.ts";
import { connectionBreaches, streamBreaches } from "./http2-framing-breaches.ts";
import type { ConnectionBreach } from "./http2-framing-breaches.ts";
import { encodeFields } from "./http2-hpack.ts";
import type { FieldPairs } from "./http2-hpack.ts";

const { PROTOCOL_ERROR, INTERNAL_ERROR, FRAME_SIZE_ERROR, NO_ERROR, CANCEL, HTTP_1_1_REQUIRED } = errorCodes;

/** A response that no server may send, or that is not whole. */
export interface ResponseBreach {
  /** What the response is like, as the end of a sentence that begins with "a response that". */
  readonly name: string;
  readonly frames: readonly Uint8Array[];
}

const content = "content";
const ok: FieldPairs = [[":status", "200"]];
const request: FieldPairs = [
  [":method", "GET"],
  [":scheme", "http"],
  [":authority", "x"],
  [":path", "/pushed"],
];

/** What a server may not do to a connection on which it is asked on stream `id` by a client that wants no push. */
export function serverBreaches(id: number): ConnectionBreach[] {
  const open = fieldSection(id, encodeFields(ok));
  const lying = fieldSection(id, encodeFields([...ok, ["content-length", "3"]]));
  const ofConnection = connectionBreaches([
    ["opens a stream", PROTOCOL_ERROR, headersFrame(2, encodeFields(ok))],
    ["answers what was not asked", PROTOCOL_ERROR, headersFrame(id + 1000, encodeFields(ok))],
    ["promises a response that is not wanted", PROTOCOL_ERROR, pushPromiseFrame(id, 2, encodeFields(request))],
    ["sets push to on", PROTOCOL_ERROR, settingsFrame({ ENABLE_PUSH: 1 })],
    ["sends the preface of a client", [PROTOCOL_ERROR, FRAME_SIZE_ERROR], connectionPreface],
    ["goes on with HTTP/1.1", [PROTOCOL_ERROR, FRAME_SIZE_ERROR], open, Buffer.from("HTTP/1.1 200 OK\r\n\r\n")],
  ]);
  const ofStream = streamBreaches([
    ["begins a response with content", PROTOCOL_ERROR, dataFrame(id, content)],
    ["ends a response before it has begun", PROTOCOL_ERROR, dataFrame(id, "", { endStream: true })],
    ["sends more content than announced", [PROTOCOL_ERROR, INTERNAL_ERROR], lying, dataFrame(id, content)],
  ]);
  return [...ofConnection, ...ofStream];
}

/** What makes one response, on stream `id`, malformed or not whole, and leaves the connection as it is. */
export function responseBreaches(id: number): ResponseBreach[] {
  const section = (fields: FieldPairs, options = {}): Buffer => fieldSection(id, encodeFields(fields), options);
  const data = dataFrame(id, content);
  const end = { endStream: true };
  const trailers: FieldPairs = [["x", "y"]];
  const whole = (header: FieldPairs): Uint8Array[] => [section(header), data, section(trailers, end)];
  const also = (...more: FieldPairs): FieldPairs => [...ok, ...more];
  const headers: readonly (readonly [name: string, fields: FieldPairs])[] = [
    ["has no status", [["x", "y"]]],
    ["has two statuses", [...ok, ...ok]],
    ["has a status of two digits", [[":status", "20"]]],
    ["has a status of four digits", [[":status", "2000"]]],
    ["has a status of letters", [[":status", "two"]]],
    ["has a status with a line break", [[":status", "200\r\nx: y"]]],
    ["has the status 101", [[":status", "101"]]],
    ["announces more content than it has", also(["content-length", String(content.length + 1)])],
    ["announces content twice, and differently", also(["content-length", "7"], ["content-length", "8"])],
    ["announces content as a list", also(["content-length", "7, 7"])],
    ["announces content with a sign", also(["content-length", "+7"])],
    ...refusedFields.map(([name, more]) => [`has ${name}`, also(...more)] as const),
  ];
  return [
    ...headers.map(([name, header]) => ({ name, frames: whole(header) })),
    ...refusedFields.map(([name, more]) => ({
      name: `has ${name} in its trailers`,
      frames: [section(ok), data, section([...trailers, ...more], end)],
    })),
    {
      name: "has trailers that are not its end",
      frames: [section(ok), data, section(trailers), dataFrame(id, "", end)],
    },
    { name: "is an informational one to its end", frames: [section([[":status", "103"]], end)] },
    { name: "is reset before it has begun", frames: [resetFrame(id, CANCEL)] },
    { name: "is reset, without an error, before it has begun", frames: [resetFrame(id, NO_ERROR)] },
    { name: "is reset within its content", frames: [section(ok), data, resetFrame(id, INTERNAL_ERROR)] },
    { name: "is reset, without an error, within its content", frames: [section(ok), data, resetFrame(id, NO_ERROR)] },
    { name: "is reset to be cancelled within its content", frames: [section(ok), data, resetFrame(id, CANCEL)] },
    {
      name: "is reset when HTTP/1.1 has been asked for",
      frames: [section(ok), data, resetFrame(id, HTTP_1_1_REQUIRED)],
    },
  ];
}
