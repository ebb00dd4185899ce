import { ErrorCode } from "../error-code.ts";
import { ConnectionFault } from "../fault.ts";

/** More continuation octets than any number here needs, even with some that add nothing. */
const MAX_OCTETS = 5;

/** Larger than any size, length or index that can be meant. */
const MAX_INTEGER = 2 ** 31 - 1;

/** A position in the octets that are decoded. */
export interface Cursor {
  readonly bytes: Uint8Array;
  /** The next octet to read. */
  at: number;
  /** The position after the last octet. */
  readonly end: number;
}

/**
 * Reads an integer whose first octet has it in its last `prefix` bits (RFC 7541 section 5.1). Throws a
 * {@link ConnectionFault} for an integer that is cut short or exceeds the limits of this implementation, in value or in
 * length, which the section makes decoding errors.
 */
export function readInteger(cursor: Cursor, prefix: number): number {
  const { bytes, end } = cursor;
  if (cursor.at >= end) throw truncated();
  const mask = (1 << prefix) - 1;
  let value = bytes[cursor.at]! & mask;
  cursor.at += 1;
  if (value < mask) return value;
  let factor = 1;
  for (let octets = 0; octets < MAX_OCTETS; octets += 1) {
    if (cursor.at >= end) throw truncated();
    const octet = bytes[cursor.at]!;
    cursor.at += 1;
    value += (octet & 0x7f) * factor;
    if (octet < 0x80) {
      if (value <= MAX_INTEGER) return value;
      break;
    }
    factor *= 128;
  }
  throw new ConnectionFault(ErrorCode.COMPRESSION_ERROR, "an integer in a field block is too large");
}

/**
 * Writes `value` to the last `prefix` bits of the octet at `at`, whose other bits are `pattern`, and to as many octets as
 * follow (RFC 7541 section 5.1). Returns the position after it.
 */
export function writeInteger(value: number, prefix: number, pattern: number, target: Uint8Array, at: number): number {
  const mask = (1 << prefix) - 1;
  if (value < mask) {
    target[at] = pattern | value;
    return at + 1;
  }
  target[at] = pattern | mask;
  let position = at + 1;
  let rest = value - mask;
  for (; rest >= 128; rest = Math.floor(rest / 128)) {
    target[position] = (rest % 128) | 0x80;
    position += 1;
  }
  target[position] = rest;
  return position + 1;
}

function truncated(): ConnectionFault {
  return new ConnectionFault(ErrorCode.COMPRESSION_ERROR, "a field block ends within a field line");
}
