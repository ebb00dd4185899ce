import { refusedFields } from "./http2-bad-fields.ts";
import {
  connectionPreface,
  dataFrame,
  errorCodes,
  fieldSection,
  headersFrame,
  pushPromiseFrame,
} from "./http2-frames.ts";
import { connectionBreaches, streamBreaches } from "./http2-framing-breaches.ts";
import type { ConnectionBreach } from "./http2-framing-breaches.ts";
import { encodeFields } from "./http2-hpack.ts";
import type { FieldPairs } from "./http2-hpack.ts";

const { PROTOCOL_ERROR, INTERNAL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR } = errorCodes;

/** A request with content that would be accepted, in its parts. */
export interface PlainRequest {
  /** The header section, pseudo fields first, without Content-Length. */
  readonly fields: FieldPairs;
  readonly content: string;
  readonly trailers: FieldPairs;
}

/** A request that no client may send. */
export interface RequestBreach {
  /** What the request is like, as the end of a sentence that begins with "a request that". */
  readonly name: string;
  readonly frames: readonly Uint8Array[];
}

/** What a client may not do to a connection on which it could send `request`, and `get` as well, on stream `id`. */
export function clientBreaches({ fields, content }: PlainRequest, get: FieldPairs, id: number): ConnectionBreach[] {
  const block = encodeFields(fields);
  const lying = fieldSection(id, encodeFields([...fields, ["content-length", String(content.length - 1)]]));
  const ended = fieldSection(id, encodeFields(get), { endStream: true });
  const ofConnection = connectionBreaches([
    ["opens a stream with an even number", PROTOCOL_ERROR, headersFrame(id + 1, block)],
    ["promises a response", PROTOCOL_ERROR, headersFrame(id, block), pushPromiseFrame(id, id + 1, block)],
    ["goes on with DATA after the end", STREAM_CLOSED, ended, dataFrame(id, "x")],
    ["sends a second preface", [PROTOCOL_ERROR, FRAME_SIZE_ERROR], connectionPreface],
    ["goes on with HTTP/1.1", [PROTOCOL_ERROR, FRAME_SIZE_ERROR], Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n")],
  ]);
  const ofStream = streamBreaches([
    ["sends more content than announced", [PROTOCOL_ERROR, INTERNAL_ERROR], lying, dataFrame(id, content)],
  ]);
  return [...ofConnection, ...ofStream];
}

/** What makes one request, on stream `id`, malformed, and leaves the connection as it is (RFC 9113, section 8.1.1). */
export function requestBreaches({ fields, content, trailers }: PlainRequest, id: number): RequestBreach[] {
  const { length } = content;
  const sections = (header: FieldPairs, end: FieldPairs): Uint8Array[] => [
    fieldSection(id, encodeFields(header)),
    dataFrame(id, content),
    fieldSection(id, encodeFields(end), { endStream: true }),
  ];
  const without = (name: string): FieldPairs => fields.filter(([found]) => found !== name);
  const instead = (name: string, value: string): FieldPairs =>
    fields.map(([found, was]) => [found, found === name ? value : was]);
  const also = (...more: FieldPairs): FieldPairs => [...fields, ...more];
  const headers: readonly (readonly [name: string, fields: FieldPairs])[] = [
    ["has no method", without(":method")],
    ["has no scheme", without(":scheme")],
    ["has no path", without(":path")],
    ["has two paths", [[":path", "/other"], ...fields]],
    ["has an empty path", instead(":path", "")],
    ["has a path with a space", instead(":path", "/a b")],
    ["has a path with a line break", instead(":path", "/a HTTP/1.1\r\nx: y\r\n\r\nGET /b")],
    ["has a method with a space", instead(":method", "PUT /b HTTP/1.1")],
    ["has a method with a line break", instead(":method", "PUT\r\nx")],
    ["has an authority with a line break", instead(":authority", "a\r\nx: y")],
    ["announces more content than it has", also(["content-length", String(length + 1)])],
    ["announces content twice, and differently", also(["content-length", String(length)], ["content-length", "1"])],
    ["announces content as a list", also(["content-length", `${length}, ${length}`])],
    ["announces content with a sign", also(["content-length", `+${length}`])],
    ["announces content in hexadecimal", also(["content-length", `0x${length}`])],
    ...refusedFields.map(([name, more]) => [`has ${name}`, also(...more)] as const),
  ];
  return [
    ...headers.map(([name, header]) => ({ name, frames: sections(header, trailers) })),
    ...refusedFields.map(([name, more]) => ({
      name: `has ${name} in its trailers`,
      frames: sections(fields, [...trailers, ...more]),
    })),
    {
      name: "has trailers that are not its end",
      frames: [
        fieldSection(id, encodeFields(fields)),
        dataFrame(id, content),
        fieldSection(id, encodeFields(trailers)),
        dataFrame(id, "", { endStream: true }),
      ],
    },
  ];
}
