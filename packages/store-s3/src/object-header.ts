import { randomBytes } from "node:crypto";

import { type Algorithm, type Digests, digestLength, type FieldLine, isAlgorithm } from "@trailsum/shared";

import type { ObjectHeader } from "./bucket.ts";

/** What is kept of one version of an object, apart from its bytes. */
export interface VersionRecord {
  readonly digests: Digests;
  /** The fields that describe the content. */
  readonly fields: readonly FieldLine[];
  /** When the content was verified; undefined if it never was. */
  readonly verified: Date | undefined;
}

/** The metadata in the header of an object. */
export interface DescribedObject {
  /** What made the version: 32 hex digits. Undefined for an object that other software stored. */
  readonly id: string | undefined;
  /** Undefined where it is in a separate object. */
  readonly record: Omit<VersionRecord, "digests"> & { readonly digests: Digests | undefined };
  /** Whether a record of that id has more. */
  readonly isRecorded: boolean;
}

const STANDARD = {
  "Content-Type": "ContentType",
  "Content-Encoding": "ContentEncoding",
  "Content-Language": "ContentLanguage",
  "Content-Disposition": "ContentDisposition",
} as const;
const META = "x-amz-meta-";
const OWN = "trailsum-";
/** S3 allows 2 KiB of metadata, OpenStack Swift 256 bytes a value. */
const MAX_VALUE = 256;
const MAX_METADATA = 1536;
/** Some servers lose metadata without a value. */
const NO_FIELDS = "none";

/** A name for a version of an object, or for what belongs to it. */
export function newVersionId(): string {
  return randomBytes(16).toString("hex");
}

/**
 * The header of an object, with all its metadata. Undefined if something does not fit: then the header is
 * {@link recordedHeader}, and the rest is a record.
 */
export function completeHeader(id: string, record: VersionRecord): ObjectHeader | undefined {
  const header = fieldsHeader(record.fields);
  if (header === undefined) return undefined;
  const digests = [...record.digests.values].map(([name, digest]) => [`${OWN}${name}`, digest.toString("hex")]);
  const metadata = {
    ...header.Metadata,
    [`${OWN}id`]: id,
    [`${OWN}fields`]: record.fields.map(([name]) => name).join(",") || NO_FIELDS,
    ...(record.verified && { [`${OWN}verified`]: record.verified.toISOString() }),
    ...(Object.fromEntries(digests) as Record<string, string>),
  };
  return fits(metadata) ? { ...header, Metadata: metadata } : undefined;
}

/** The header of an object whose digests are in a record: those fields that other software can read, and the id. */
export function recordedHeader(id: string, fields: readonly FieldLine[]): ObjectHeader {
  return { ...fieldsHeader(fields), Metadata: { [`${OWN}id`]: id, [`${OWN}recorded`]: "true" } };
}

/** Reads the header of an object. */
export function describeObject(header: ObjectHeader, size: number): DescribedObject {
  const metadata = header.Metadata ?? {};
  const id = /^[0-9a-f]{32}$/.exec(metadata[`${OWN}id`] ?? "")?.[0];
  const values = new Map<Algorithm, Buffer>();
  for (const [name, hex] of Object.entries(metadata)) {
    const algorithm = name.slice(OWN.length);
    const digest = Buffer.from(hex, "hex");
    if (name.startsWith(OWN) && isAlgorithm(algorithm) && digest.length === digestLength(algorithm))
      values.set(algorithm, digest);
  }
  return {
    id,
    isRecorded: id !== undefined && metadata[`${OWN}recorded`] === "true",
    record: {
      digests: values.size > 0 ? { size, values } : undefined,
      fields: keptFields(header, metadata[`${OWN}fields`]),
      verified: dateOf(metadata[`${OWN}verified`]),
    },
  };
}

/** A record in its stored form. */
export function formatRecord(key: string, { digests, fields, verified }: VersionRecord): Buffer {
  const hex = [...digests.values].map(([algorithm, digest]) => [algorithm, digest.toString("hex")]);
  return Buffer.from(
    JSON.stringify({ key, size: digests.size, digests: Object.fromEntries(hex) as unknown, fields, verified }),
  );
}

/** Reads a record; undefined if it is not one. */
export function parseRecord(bytes: Buffer): (VersionRecord & { readonly key: string }) | undefined {
  try {
    const { key, size, digests, fields, verified } = JSON.parse(bytes.toString()) as StoredRecord;
    const values = new Map<Algorithm, Buffer>();
    for (const [name, hex] of Object.entries(digests)) if (isAlgorithm(name)) values.set(name, Buffer.from(hex, "hex"));
    return { key, digests: { size, values }, fields, verified: dateOf(verified) };
  } catch {
    return undefined;
  }
}

interface StoredRecord {
  readonly key: string;
  readonly size: number;
  readonly digests: Readonly<Record<string, string>>;
  readonly fields: readonly FieldLine[];
  readonly verified?: string;
}

/** The fields as S3 has them; undefined if some of them cannot be kept so. */
function fieldsHeader(fields: readonly FieldLine[]): ObjectHeader | undefined {
  const header: Record<string, string> = {};
  const Metadata: Record<string, string> = {};
  for (const [name, value] of fields) {
    if (!/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value)) return undefined;
    const standard = STANDARD[name as keyof typeof STANDARD];
    const into = standard === undefined ? Metadata : header;
    const key = standard ?? metaName(name);
    if (key === undefined || key in into) return undefined;
    into[key] = value;
  }
  return { ...header, ...(Object.keys(Metadata).length > 0 && { Metadata }) };
}

function metaName(name: string): string | undefined {
  const rest = name.startsWith(META) ? name.slice(META.length) : "";
  return /^[a-z0-9-]+$/.test(rest) && !rest.startsWith(OWN) && rest !== "__proto__" ? rest : undefined;
}

function keptFields(header: ObjectHeader, names: string | undefined): FieldLine[] {
  const metadata = header.Metadata ?? {};
  const others = Object.keys(metadata)
    .filter((name) => !name.startsWith(OWN))
    .map((name) => `${META}${name}`);
  const all = names === undefined ? [...Object.keys(STANDARD), ...others] : names === NO_FIELDS ? [] : names.split(",");
  return all.flatMap((name): FieldLine[] => {
    const standard = STANDARD[name as keyof typeof STANDARD];
    const value = standard === undefined ? metadata[name.slice(META.length)] : header[standard];
    return value === undefined || value === "" ? [] : [[name, value]];
  });
}

function fits(metadata: Readonly<Record<string, string>>): boolean {
  const entries = Object.entries(metadata);
  const size = entries.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  return size <= MAX_METADATA && entries.every(([name, value]) => value.length <= MAX_VALUE && name.length <= 100);
}

function dateOf(text: string | undefined): Date | undefined {
  const date = new Date(text ?? "");
  return Number.isNaN(date.getTime()) ? undefined : date;
}
