import { type Algorithm, algorithms } from "./algorithms.ts";
import { type DigestField, parseDigestField } from "./digest-fields.ts";
import type { FieldLines } from "./field-lines.ts";
import { amazonChecksum, parseGoogleHash, parseInstanceDigest, parseOwnCloudChecksum } from "./other-digest-fields.ts";
import { parseContentMd5, parseMd5, parseSize, type Parsed } from "./size-and-md5.ts";

/** What the lines of one integrity field say: digests, or a number of bytes. */
interface FieldReading extends DigestField {
  /** The number of bytes. */
  readonly size?: number;
}

/**
 * What a field covers:
 * - `content`: the content of the message (RFC 9110 section 6.4), which is a part of the representation in a 206;
 * - `representation`: the whole selected representation with its content codings, in a 206 too (RFC 9530 section 3);
 * - `unencoded representation`: the whole representation without content codings; identical if it has none;
 * - `whole content`: the content, where that is the whole representation. What implementations mean by these fields in a
 *   206 differs, so they are left aside there.
 */
type Coverage = "content" | "representation" | "unencoded representation" | "whole content";

interface IntegrityField {
  readonly covers: Coverage;
  /** The algorithms that it may be of, as far as its name and its syntax say. */
  readonly algorithms: readonly Algorithm[];
  readonly read: (lines: readonly string[]) => FieldReading;
}

const NONE: FieldReading = { digests: new Map(), unknown: [], faults: [] };

const dictionary = (covers: Coverage): IntegrityField => ({ covers, algorithms, read: parseDigestField });

const s3 = (algorithm: Algorithm): IntegrityField => ({
  covers: "whole content",
  algorithms: [algorithm],
  read: amazonChecksum(algorithm),
});

/** The name of a field that says what the content must be. */
export type IntegrityFieldName =
  | "Md5"
  | "Size"
  | "Content-Digest"
  | "Repr-Digest"
  | "Unencoded-Digest"
  | "Content-MD5"
  | "Digest"
  | "x-goog-hash"
  | "OC-Checksum"
  | "x-amz-checksum-crc32"
  | "x-amz-checksum-crc32c"
  | "x-amz-checksum-crc64nvme"
  | "x-amz-checksum-sha1"
  | "x-amz-checksum-sha256"
  | "x-amz-checksum-sha512"
  | "x-amz-checksum-md5"
  | "x-amz-checksum-xxhash64"
  | "x-amz-checksum-xxhash3"
  | "x-amz-checksum-xxhash128";

const TABLE: Readonly<Record<IntegrityFieldName, IntegrityField>> = {
  Md5: { covers: "content", algorithms: ["md5"], read: (lines) => md5Reading(parseMd5(lines)) },
  Size: { covers: "content", algorithms: [], read: (lines) => sizeReading(parseSize(lines)) },
  "Content-Digest": dictionary("content"),
  "Repr-Digest": dictionary("representation"),
  // draft-ietf-httpbis-unencoded-digest
  "Unencoded-Digest": dictionary("unencoded representation"),
  // RFC 7231 appendix B: partial responses had it of the part, or of the whole.
  "Content-MD5": { covers: "whole content", algorithms: ["md5"], read: (lines) => md5Reading(parseContentMd5(lines)) },
  // RFC 3230 section 4.1.1: of the instance.
  Digest: {
    covers: "representation",
    algorithms: ["md5", "sha", "sha-256", "sha-512", "adler", "crc32c"],
    read: parseInstanceDigest,
  },
  "x-goog-hash": { covers: "representation", algorithms: ["crc32c", "md5"], read: parseGoogleHash },
  "OC-Checksum": {
    covers: "representation",
    algorithms: ["md5", "sha", "sha-256", "adler"],
    read: parseOwnCloudChecksum,
  },
  "x-amz-checksum-crc32": s3("crc32"),
  "x-amz-checksum-crc32c": s3("crc32c"),
  "x-amz-checksum-crc64nvme": s3("crc64nvme"),
  "x-amz-checksum-sha1": s3("sha"),
  "x-amz-checksum-sha256": s3("sha-256"),
  "x-amz-checksum-sha512": s3("sha-512"),
  "x-amz-checksum-md5": s3("md5"),
  "x-amz-checksum-xxhash64": s3("xxhash64"),
  "x-amz-checksum-xxhash3": s3("xxhash3"),
  "x-amz-checksum-xxhash128": s3("xxhash128"),
};

/** The fields that say what the content must be, in the case in which they are sent. */
export const integrityFieldNames: readonly IntegrityFieldName[] = Object.keys(TABLE) as IntegrityFieldName[];

const BY_LOWER_CASE: ReadonlyMap<string, IntegrityFieldName> = new Map(
  integrityFieldNames.map((name) => [name.toLowerCase(), name]),
);

/** The integrity field of that name, in any case. */
export function integrityFieldName(name: string): IntegrityFieldName | undefined {
  return BY_LOWER_CASE.get(name.toLowerCase());
}

/** What a field covers, its parser, and the algorithms it can name. */
export function integrityField(name: IntegrityFieldName): IntegrityField {
  return TABLE[name];
}

/** Whether a field of this name, in any case, covers the whole representation, even if the message has only a part. */
export function coversRepresentation(name: string): boolean {
  const field = integrityFieldName(name);
  if (field === undefined) return false;
  const { covers } = TABLE[field];
  return covers === "representation" || covers === "unencoded representation";
}

/** The integrity fields among the names that a `Trailer` field announces (RFC 9110 section 6.6.2). */
export function announcedIntegrityFields(header: FieldLines): IntegrityFieldName[] {
  const announced = new Set<IntegrityFieldName>();
  for (const name of header.list("Trailer")) {
    const field = integrityFieldName(name);
    if (field !== undefined) announced.add(field);
  }
  return [...announced];
}

function md5Reading(md5: Parsed<Buffer>): FieldReading {
  if ("fault" in md5) return { ...NONE, faults: [{ algorithm: "md5", reason: md5.fault }] };
  return { ...NONE, digests: new Map([["md5", md5.value]]) };
}

function sizeReading(size: Parsed<number>): FieldReading {
  return "fault" in size ? { ...NONE, faults: [{ reason: size.fault }] } : { ...NONE, size: size.value };
}
