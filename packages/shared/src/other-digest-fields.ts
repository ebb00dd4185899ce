import { type Algorithm } from "./algorithms.ts";
import { digestFault, type DigestFault, type DigestField } from "./digest-fields.ts";
import { listMembers } from "./field-syntax.ts";

/** One algorithm name and its value, as text. */
type Member = readonly [name: string, text: string];

/** How a digest is written as text; undefined for text that is not one. */
type Decode = (text: string) => Buffer | undefined;

/** The algorithm of a name, and the syntax of its digests. */
type Names = ReadonlyMap<string, { readonly algorithm: Algorithm; readonly decode: Decode }>;

const base64: Decode = (text) => {
  const value = Buffer.from(text, "base64");
  return value.toString("base64") === text ? value : undefined;
};

const hex: Decode = (text) => (/^(?:[0-9a-f]{2})+$/i.test(text) ? Buffer.from(text, "hex") : undefined);

/** Names as RFC 3230, RFC 5843 and the registry of HTTP digest algorithms have them: checksums are written in hex. */
const INSTANCE_DIGESTS: Names = new Map([
  ["md5", { algorithm: "md5", decode: base64 }],
  ["sha", { algorithm: "sha", decode: base64 }],
  ["sha-256", { algorithm: "sha-256", decode: base64 }],
  ["sha-512", { algorithm: "sha-512", decode: base64 }],
  ["adler32", { algorithm: "adler", decode: hex }],
  ["crc32c", { algorithm: "crc32c", decode: hex }],
]);

const GOOGLE: Names = new Map([
  ["crc32c", { algorithm: "crc32c", decode: base64 }],
  ["md5", { algorithm: "md5", decode: base64 }],
]);

const OWNCLOUD: Names = new Map([
  ["md5", { algorithm: "md5", decode: hex }],
  ["sha1", { algorithm: "sha", decode: hex }],
  ["sha256", { algorithm: "sha-256", decode: hex }],
  ["adler32", { algorithm: "adler", decode: hex }],
]);

/** Reads the lines of `Digest` (RFC 3230): `SHA-256=<base64>, adler32=<hex>`. */
export function parseInstanceDigest(lines: readonly string[]): DigestField {
  return readMembers(lines.flatMap(listMembers).map(keyAndValue), INSTANCE_DIGESTS);
}

/** Reads the lines of `x-goog-hash`: `crc32c=<base64>,md5=<base64>`. */
export function parseGoogleHash(lines: readonly string[]): DigestField {
  return readMembers(lines.flatMap(listMembers).map(keyAndValue), GOOGLE);
}

/** Reads the lines of `OC-Checksum`: `SHA1:<hex> MD5:<hex>`. */
export function parseOwnCloudChecksum(lines: readonly string[]): DigestField {
  const members = lines.flatMap((line) => line.split(/[\t ,]+/)).filter((text) => text !== "");
  return readMembers(
    members.map((text) => split(text, ":")),
    OWNCLOUD,
  );
}

/**
 * A reader for the lines of `x-amz-checksum-*`: base64. A value with `-N` after it is a checksum of the checksums of N
 * parts, and says nothing of the content.
 */
export function amazonChecksum(algorithm: Algorithm): (lines: readonly string[]) => DigestField {
  const names: Names = new Map([["", { algorithm, decode: base64 }]]);
  return (lines) => {
    const members = lines.flatMap((line) => {
      const texts = listMembers(line);
      return texts.length === 0 ? [""] : texts;
    });
    return readMembers(
      members.filter((text) => !/-\d+$/.test(text)).map((text): Member => ["", text]),
      names,
    );
  };
}

function readMembers(members: readonly (Member | undefined)[], names: Names): DigestField {
  const digests = new Map<Algorithm, Buffer>();
  const unknown = new Set<string>();
  const faults: DigestFault[] = [];
  for (const member of members) {
    if (member === undefined) {
      faults.push({ reason: "not a list of algorithms and digests" });
      break;
    }
    const [name, text] = member;
    const key = name.toLowerCase();
    const known = names.get(key);
    if (known === undefined) {
      unknown.add(key);
      continue;
    }
    const { algorithm, decode } = known;
    const value = decode(text);
    const reason =
      value === undefined
        ? "not a digest in base64 or hexadecimal, as its algorithm is written"
        : digestFault(algorithm, value, digests.get(algorithm));
    if (reason === undefined) digests.set(algorithm, value!);
    else if (!faults.some((fault) => fault.algorithm === algorithm)) faults.push({ algorithm, reason });
  }
  return { digests, unknown: [...unknown], faults };
}

function keyAndValue(text: string): Member | undefined {
  return split(text, "=");
}

/** At the first separator: base64 may end in more of them. */
function split(text: string, separator: string): Member | undefined {
  const at = text.indexOf(separator);
  return at < 1 ? undefined : [text.slice(0, at), text.slice(at + 1)];
}
