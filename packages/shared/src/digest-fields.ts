import { isAnyArrayBuffer } from "node:util/types";

import { parseDictionary } from "structured-headers";

import { type Algorithm, digestLength, isDigestFieldAlgorithm } from "./algorithms.ts";
import type { Digests } from "./digester.ts";
import { trimWhitespace } from "./field-syntax.ts";

/** What one digest field says. */
export interface DigestField {
  /** The digests of algorithms that are known here, each of its right length. */
  readonly digests: ReadonlyMap<Algorithm, Buffer>;
  /** The keys of algorithms that are not known here. A recipient may ignore those (RFC 9530 section 2). */
  readonly unknown: readonly string[];
  /** Why the field cannot be relied on, at most one reason for each algorithm; empty when all is well. */
  readonly faults: readonly DigestFault[];
}

/** One reason why a digest field cannot be parsed. */
export interface DigestFault {
  /** The algorithm it is about, where it is about one. */
  readonly algorithm?: Algorithm;
  /** A phrase for people. */
  readonly reason: string;
}

/**
 * Reads all the lines of a `Content-Digest`, `Repr-Digest` (RFC 9530 sections 2 and 3) or `Unencoded-Digest` field.
 *
 * Stricter than structured fields in two places, because a digest decides whether something is kept: base64 must be
 * canonical but for its padding, which may be left out (RFC 9651 section 4.2.7), and a key that comes twice with different
 * values is a fault, where a dictionary would let the last one win and so let a later line replace an earlier digest.
 */
export function parseDigestField(lines: readonly string[]): DigestField {
  const digests = new Map<Algorithm, Buffer>();
  const unknown = new Set<string>();
  const faults: DigestFault[] = [];
  for (const member of lines.flatMap(dictionaryMembers)) {
    const parsed = parseMember(member);
    if (parsed === undefined) {
      // One fault is enough for a field that is not a dictionary: a line of commas must not produce a page of reasons.
      faults.push({ reason: "not a dictionary of byte sequences" });
      break;
    }
    const { key, value } = parsed;
    if (!isDigestFieldAlgorithm(key)) {
      unknown.add(key);
      continue;
    }
    const reason = faultOf(key, value, digests.get(key));
    if (reason === undefined) digests.set(key, value!);
    else if (!faults.some(({ algorithm }) => algorithm === key)) faults.push({ algorithm: key, reason });
  }
  return { digests, unknown: [...unknown], faults };
}

function faultOf(algorithm: Algorithm, value: Buffer | undefined, earlier: Buffer | undefined): string | undefined {
  if (value === undefined) return "not a byte sequence in canonical base64";
  return digestFault(algorithm, value, earlier);
}

/** Why a digest cannot be relied on, in any field: its length, or an earlier one of the same algorithm. */
export function digestFault(algorithm: Algorithm, value: Buffer, earlier: Buffer | undefined): string | undefined {
  if (value.length !== digestLength(algorithm)) {
    return `a digest of ${digestLength(algorithm)} bytes was expected, not ${value.length}`;
  }
  return earlier?.equals(value) === false ? "came twice with different values" : undefined;
}

/** `md5=:...:, sha-256=:...:`, for the algorithms named or for all that were computed. */
export function formatDigestField(digests: Digests, algorithms: Iterable<Algorithm> = digests.values.keys()): string {
  // A dictionary of byte sequences by hand: the names are valid keys, and a serializer takes ten times as long.
  const members: string[] = [];
  for (const algorithm of algorithms) {
    const value = digests.values.get(algorithm);
    if (value !== undefined) members.push(`${algorithm}=:${value.toString("base64")}:`);
  }
  return members.join(", ");
}

/**
 * Splits at the commas that are not inside a string, so that each member can be seen before any is merged. In a string
 * a backslash escapes; in a display string, `%"..."`, it does not (RFC 9651 section 3.3.8).
 */
function dictionaryMembers(line: string): string[] {
  if (trimWhitespace(line) === "") return [];
  const members: string[] = [];
  let start = 0;
  let quoted: "string" | "display string" | undefined;
  for (let at = 0; at < line.length; at += 1) {
    const character = line[at];
    if (quoted === "string" && character === "\\") at += 1;
    else if (character === '"' && quoted === undefined) quoted = line[at - 1] === "%" ? "display string" : "string";
    else if (character === '"') quoted = undefined;
    else if (character === "," && quoted === undefined) {
      members.push(trimWhitespace(line.slice(start, at)));
      start = at + 1;
    }
  }
  members.push(trimWhitespace(line.slice(start)));
  return members;
}

function parseMember(member: string): { key: string; value: Buffer | undefined } | undefined {
  let entries;
  try {
    entries = [...parseDictionary(member)];
  } catch {
    return undefined;
  }
  const [entry, ...others] = entries;
  if (entry === undefined || others.length > 0) return undefined;
  const [key, [value]] = entry;
  if (!isAnyArrayBuffer(value)) return { key, value: undefined };
  const bytes = Buffer.from(value);
  // The parser decodes leniently (stray bits, padding in the middle), so the text must be what these bytes encode to.
  const base64 = bytes.toString("base64");
  const canonical = [base64, base64.replace(/=+$/, "")].some((text) => member.startsWith(`${key}=:${text}:`));
  return { key, value: canonical ? bytes : undefined };
}
