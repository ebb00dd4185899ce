import { createHash } from "node:crypto";

import { type Algorithm, type Digests, type FieldLine, isAlgorithm } from "@trailsum/shared";

/** The checksum that a multipart upload was begun with. */
export interface MultipartChecksum {
  readonly algorithm: Algorithm;
  /** Of the checksums of the parts, or of the whole content. */
  readonly type: "COMPOSITE" | "FULL_OBJECT";
}

/** The record of a multipart upload. The upload itself has no content. */
export interface MultipartRecord {
  readonly kind: "upload";
  readonly bucket: string;
  readonly key: string;
  readonly path: string;
  /** The fields that are kept with the object. */
  readonly fields: readonly FieldLine[];
  readonly checksum: MultipartChecksum | undefined;
  /** Milliseconds since the epoch. */
  readonly initiated: number;
  /** When it is given up, likewise. */
  readonly expires: number;
}

/** What is kept of a part beside its content. */
export interface PartRecord {
  readonly kind: "part";
  /** The id of its multipart upload. */
  readonly upload: string;
  readonly number: number;
  readonly digests: Digests;
  /** Whether it was verified by anything of its sender. */
  readonly verified: boolean;
  readonly modified: number;
}

/** The version of descriptions that the S3 front writes: the upload resource leaves them alone. */
const VERSION = "s3";

/** The description under which a store keeps a record. */
export function formatRecord(record: MultipartRecord | PartRecord): string {
  if (record.kind === "upload") return JSON.stringify({ version: VERSION, ...record });
  const { size, values } = record.digests;
  const hex = Object.fromEntries([...values].map(([name, value]) => [name, value.toString("hex")]));
  return JSON.stringify({ version: VERSION, ...record, digests: { size, values: hex } });
}

/** Reads it again; undefined for what the S3 front did not write. */
export function parseRecord(description: string): MultipartRecord | PartRecord | undefined {
  try {
    const { version, ...record } = JSON.parse(description) as { version: unknown } & (
      | MultipartRecord
      | (Omit<PartRecord, "digests"> & { digests: { size: number; values: Record<string, string> } })
    );
    if (version !== VERSION) return undefined;
    if (record.kind === "upload") return record;
    const { size, values } = record.digests;
    return { ...record, digests: { size, values: parseDigests(values) } };
  } catch {
    return undefined;
  }
}

function parseDigests(hex: Readonly<Record<string, string>>): Map<Algorithm, Buffer> {
  const values = new Map<Algorithm, Buffer>();
  for (const [name, text] of Object.entries(hex)) if (isAlgorithm(name)) values.set(name, Buffer.from(text, "hex"));
  return values;
}

/** The id under which a part is kept. It cannot be guessed without the id of its upload. */
export function partId(upload: string, number: number): string {
  return createHash("sha256").update(`${upload} ${number}`).digest("hex").slice(0, 32);
}
