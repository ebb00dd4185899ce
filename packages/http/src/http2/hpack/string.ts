import { ErrorCode } from "../error-code.ts";
import { ConnectionFault } from "../fault.ts";
import { huffmanLength, readHuffman, writeHuffman } from "./huffman.ts";
import { type Cursor, readInteger, writeInteger } from "./integer.ts";

const HUFFMAN = 0x80;

/** The buffer in which Huffman strings are decoded. Larger strings get a separate buffer. */
const scratch = Buffer.allocUnsafeSlow(8192);

/** The octets from which a field block is decoded. */
export interface BlockCursor extends Cursor {
  readonly bytes: Buffer;
}

/**
 * Reads a string literal (RFC 7541 section 5.2) as latin1. Throws a {@link ConnectionFault} for a string that is cut short or not
 * in Huffman code though it claims to be, and for one of more than `limit` octets: an implementation sets a limit on what it
 * accepts (section 7.4), and to exceed it is a decoding error.
 */
export function readString(cursor: BlockCursor, limit: number): string {
  const huffman = cursor.at < cursor.end && cursor.bytes[cursor.at]! >= HUFFMAN;
  const { bytes } = cursor;
  const start = takeString(cursor, limit);
  const end = cursor.at;
  if (!huffman) return bytes.toString("latin1", start, end);
  // The shortest codes have five bits.
  const room = Math.ceil(((end - start) * 8) / 5);
  const target = room <= scratch.length ? scratch : Buffer.allocUnsafe(room);
  const length = readHuffman(bytes, start, end, target);
  if (length > limit) throw tooLong(limit);
  return target.toString("latin1", 0, length);
}

/** Skips a string literal that is not needed. Its Huffman code is not checked. */
export function skipString(cursor: BlockCursor, limit: number): void {
  takeString(cursor, limit);
}

/** Writes `text`, latin1, as a string literal at `at`, in Huffman code where that is shorter. Returns the position after it. */
export function writeString(text: string, target: Buffer, at: number): number {
  const { length } = text;
  const coded = huffmanLength(text);
  if (coded < length) return writeHuffman(text, target, writeInteger(coded, 7, HUFFMAN, target, at));
  const start = writeInteger(length, 7, 0, target, at);
  if (length > LOOPED) return start + target.write(text, start, length, "latin1");
  for (let index = 0; index < length; index += 1) target[start + index] = text.charCodeAt(index);
  return start + length;
}

/** Up to this length a loop is faster than a call of the runtime. */
const LOOPED = 24;

/** Moves beyond a string literal, and returns where its octets begin. */
function takeString(cursor: BlockCursor, limit: number): number {
  const length = readInteger(cursor, 7);
  const start = cursor.at;
  if (length > limit) throw tooLong(limit);
  if (length > cursor.end - start) {
    throw new ConnectionFault(ErrorCode.COMPRESSION_ERROR, "a field block ends within a string");
  }
  cursor.at = start + length;
  return start;
}

function tooLong(limit: number): ConnectionFault {
  return new ConnectionFault(ErrorCode.COMPRESSION_ERROR, `a string of more than ${limit} octets in a field block`);
}
