import { ErrorCode } from "../error-code.ts";
import { ConnectionFault } from "../fault.ts";
import { CODE_LENGTHS, CODES, EOS } from "./huffman-code.ts";

/** Codes up to this length fit beside seven pending bits in a 32-bit integer. */
const SHORT_CODE = 24;

/** How many octets `text`, latin1, takes in Huffman code. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let at = 0; at < text.length; at += 1) bits += CODE_LENGTHS[text.charCodeAt(at)]!;
  return (bits + 7) >> 3;
}

/** Writes `text`, latin1, in Huffman code to `target` from `at`, and returns the position after it. */
export function writeHuffman(text: string, target: Uint8Array, at: number): number {
  let pending = 0;
  let count = 0;
  let position = at;
  for (let index = 0; index < text.length; index += 1) {
    const symbol = text.charCodeAt(index);
    let code = CODES[symbol]!;
    let length = CODE_LENGTHS[symbol]!;
    if (length > SHORT_CODE) {
      // The first bits of a long code go ahead, so that the accumulator never overflows.
      pending = (pending << (length - 16)) | (code >>> 16);
      count += length - 16;
      while (count >= 8) {
        count -= 8;
        target[position] = pending >>> count;
        position += 1;
      }
      pending &= 0xff >> (8 - count);
      code &= 0xffff;
      length = 16;
    }
    pending = (pending << length) | code;
    count += length;
    while (count >= 8) {
      count -= 8;
      target[position] = pending >>> count;
      position += 1;
    }
    pending &= 0xff >> (8 - count);
  }
  if (count === 0) return position;
  // The rest of the last octet is the start of EOS: ones (RFC 7541 section 5.2).
  target[position] = (pending << (8 - count)) | (0xff >> count);
  return position + 1;
}

// The decoder reads four bits at a time. Its states are the inner nodes of the code tree; for each state and each four
// bits, TRANSITIONS holds the next state, and the octet if one is complete: no code is shorter than five bits.
const EMITS = 0x10000;
const FAILS = 0x20000;

const { transitions: TRANSITIONS, accepting: ACCEPTING } = decodingTables();

/**
 * Decodes the Huffman string in `bytes` from `start` to `end` into `target`, which has room for eight fifths of its length,
 * and returns how many octets it has. Throws a {@link ConnectionFault} for what RFC 7541 section 5.2 calls a decoding error:
 * EOS within the string, padding longer than seven bits, padding that is not the start of EOS.
 */
export function readHuffman(bytes: Uint8Array, start: number, end: number, target: Uint8Array): number {
  let state = 0;
  let length = 0;
  for (let at = start; at < end; at += 1) {
    const octet = bytes[at]!;
    const high = TRANSITIONS[(state << 4) | (octet >> 4)]!;
    if (high >= EMITS) {
      if (high >= FAILS) throw invalidHuffman();
      target[length] = high >> 8;
      length += 1;
    }
    const low = TRANSITIONS[((high & 0xff) << 4) | (octet & 0xf)]!;
    if (low >= EMITS) {
      if (low >= FAILS) throw invalidHuffman();
      target[length] = low >> 8;
      length += 1;
    }
    state = low & 0xff;
  }
  if (ACCEPTING[state] !== 1) throw invalidHuffman();
  return length;
}

function invalidHuffman(): ConnectionFault {
  return new ConnectionFault(ErrorCode.COMPRESSION_ERROR, "invalid Huffman code in a field block");
}

function decodingTables(): { readonly transitions: Uint32Array; readonly accepting: Uint8Array } {
  const tree = codeTree();
  const transitions = new Uint32Array(256 * 16);
  for (let state = 0; state < 256; state += 1) {
    for (let nibble = 0; nibble < 16; nibble += 1) transitions[(state << 4) | nibble] = transition(tree, state, nibble);
  }
  const accepting = new Uint8Array(256);
  // A string may end at the root, or after up to seven ones from there.
  for (let node = 0, depth = 0; depth < 8; depth += 1) {
    accepting[node] = 1;
    node = tree[node * 2 + 1]!;
  }
  return { transitions, accepting };
}

function transition(tree: Int16Array, state: number, nibble: number): number {
  let node = state;
  let emitted = 0;
  for (let bit = 3; bit >= 0; bit -= 1) {
    node = tree[node * 2 + ((nibble >> bit) & 1)]!;
    if (node >= 0) continue;
    const symbol = -1 - node;
    if (symbol === EOS) return FAILS;
    emitted = EMITS | (symbol << 8);
    node = 0;
  }
  return emitted | node;
}

/** Both children of each inner node, side by side: an inner node by its number, a symbol as -1 less its value. */
function codeTree(): Int16Array {
  const tree = new Int16Array(512);
  let nodes = 1;
  for (let symbol = 0; symbol <= EOS; symbol += 1) {
    let node = 0;
    for (let bit = CODE_LENGTHS[symbol]! - 1; bit > 0; bit -= 1) {
      const child = node * 2 + ((CODES[symbol]! >>> bit) & 1);
      if (tree[child] === 0) {
        tree[child] = nodes;
        nodes += 1;
      }
      node = tree[child]!;
    }
    tree[node * 2 + (CODES[symbol]! & 1)] = -1 - symbol;
  }
  return tree;
}
