import { createHash } from "node:crypto";

import { checksumAlgorithms, checksumFields, withoutAwsChunked } from "@trailsum/s3";
import { type Algorithm, type Digests, type FieldLine, type FieldLines } from "@trailsum/shared";

import { keptContentFields } from "../request/content-fields.ts";
import { lastModified, type Validators } from "../request/preconditions.ts";
import type { ObjectVersion } from "../stores/store.ts";

/** The fields that S3 returns with an object beside those that describe its content. */
const KEPT = ["Cache-Control", "Expires"];
const METADATA = "x-amz-meta-";
const CHECKSUM = "x-amz-checksum-";

/** The fields of a request that are kept with its object: those that describe the content, and the user's own. */
export function keptFields(header: FieldLines): FieldLine[] {
  const fields = keptContentFields(withoutAwsChunked(header));
  for (const name of KEPT) {
    const value = header.get(name);
    if (value !== undefined) fields.push([name, value]);
  }
  const names = new Set([...header].map(([name]) => name.toLowerCase()).filter((name) => name.startsWith(METADATA)));
  for (const name of names) fields.push([name, header.get(name)!]);
  return fields;
}

/** The fields of a stored object that its copy keeps. */
export function copiedFields(fields: readonly FieldLine[]): FieldLine[] {
  return fields.filter(([name]) => name !== "ETag" && !name.startsWith(CHECKSUM));
}

/** The fields of a stored object that only S3 returns. */
export function metadataFields(fields: readonly FieldLine[]): FieldLine[] {
  return fields.filter(([name]) => KEPT.includes(name) || name.startsWith(METADATA));
}

/** An object's version, or what a listing says of one. */
interface TaggedVersion extends Pick<ObjectVersion, "size" | "modified"> {
  readonly digests?: Digests | undefined;
  readonly fields?: readonly FieldLine[] | undefined;
}

/**
 * The entity tag of an object as S3 has it, with the quotes: the one that it was completed with as a multipart upload, or the
 * md5 of its content. Where neither is known it is a tag with a hyphen, so that no client mistakes it for an md5.
 */
export function s3EntityTag({ digests, fields = [], size, modified }: TaggedVersion): string {
  const kept = fields.find(([name]) => name === "ETag")?.[1];
  if (kept !== undefined) return kept;
  const md5 = digests?.values.get("md5");
  if (md5 !== undefined) return `"${md5.toString("hex")}"`;
  const sha256 = digests?.values.get("sha-256")?.toString("hex");
  return `"${sha256 ?? createHash("md5").update(`${size} ${modified.getTime()}`).digest("hex")}-0"`;
}

/** What an object is recognised by in S3. */
export function s3Validators(version: ObjectVersion): Validators {
  return { entityTag: s3EntityTag(version), lastModified: lastModified(version.modified) };
}

/**
 * The checksums of an object: those of its parts' checksums, if it was completed with such, or else all that are known of
 * its whole content.
 */
export function storedChecksums(digests: Digests | undefined, fields: readonly FieldLine[]): FieldLine[] {
  const kept = fields.filter(([name]) => name.startsWith(CHECKSUM));
  if (kept.length > 0) return kept;
  const known: readonly Algorithm[] = checksumAlgorithms.filter((algorithm) => algorithm !== "md5");
  return checksumFields(digests, known);
}
