import { HpackDecoder } from "../../../src/http2/hpack/decoder.ts";
import { encodedBound, type HpackEncoder } from "../../../src/http2/hpack/encoder.ts";
import type { HpackField } from "../../../src/http2/hpack/field.ts";

/** Field lines in order. */
export type Lines = readonly (readonly [name: string, value: string])[];

/** One block of these lines. */
export function encodeBlock(
  encoder: HpackEncoder,
  lines: Lines,
  neverIndexed: ReadonlySet<string> = new Set(),
): Buffer {
  const target = Buffer.alloc(lines.reduce((sum, [name, value]) => sum + encodedBound(name, value), 16));
  encoder.begin(target, 0);
  for (const [name, value] of lines) encoder.line(name, value, neverIndexed.has(name));
  return target.subarray(0, encoder.end());
}

/** The lines of one block. Throws where the list is too large. */
export function decodeBlock(decoder: HpackDecoder, block: Buffer): Lines {
  const fields: HpackField[] = [];
  if (!decoder.decode(block, fields)) throw new Error("the list is too large");
  return fields.map(({ name, value }) => [name, value] as const);
}

/** A decoder whose list limit is out of the way. */
export function roomyDecoder(): HpackDecoder {
  return new HpackDecoder({ maxListSize: 1_000_000 });
}
