import { type Algorithm, digestLength, type Digests, type FieldLine, isAlgorithm } from "@trailsum/shared";

/**
 * The state of an upload:
 *
 *     create
 *       │      checked append begins
 *       ▼   ┌────────────────────────►─┐
 *     open ─┤                           checking
 *       ▲   │◄────────────────────────◄─┘
 *       │   │  verified: appended; else, or after a crash: cut back
 *       │   │
 *       │   │ all content is there      commit
 *       │   └─────────────► completing ────────► published
 *       │                       │
 *       └───────────────────────┘
 *        no verdict yet, or a crash before the commit
 *
 * An append without a checksum leaves it `open`: what arrived is kept. An upload that was cancelled, that expired, or whose
 * content turned out to be wrong does not exist any more.
 */
export type UploadState = "open" | "checking" | "completing" | "published";

/** What is kept of an upload beside its content. */
export interface UploadRecord {
  readonly state: UploadState;
  /** The path of the object that it is to be. */
  readonly path: string;
  /** The request target and the method of the creation: who may write there may use the upload. */
  readonly target: string;
  readonly method: string;
  /** Of the creating request: what it demands of the content and of what it replaces. */
  readonly header: readonly FieldLine[];
  /** The fields that are kept with the object. */
  readonly fields: readonly FieldLine[];
  /** How many bytes there will be, once that is known. */
  readonly length: number | undefined;
  /** In the state `checking`: how many bytes were there before. In `published`: how many there were. */
  readonly settled: number;
  /** The digests of the first `digests.size` bytes. */
  readonly digests: Digests | undefined;
  /** How many bytes at the beginning were verified by per-request checksums, and the weakest of their algorithms. */
  readonly checked: { readonly size: number; readonly algorithm: Algorithm } | undefined;
  /** `Upload-Metadata` of tus, as it was given. */
  readonly metadata: string | undefined;
  /** The client's network address, by which its uploads are counted. */
  readonly client: string;
  /** When the upload is given up, in milliseconds since the epoch. */
  readonly expires: number;
}

/** The description under which a store keeps a record. */
export function formatRecord({ digests, ...record }: UploadRecord): string {
  const values =
    digests && Object.fromEntries([...digests.values].map(([name, value]) => [name, value.toString("hex")]));
  return JSON.stringify({ version: 1, ...record, digests: digests && { size: digests.size, values } });
}

/** Reads it again; undefined for what this version did not write. */
export function parseRecord(description: string): UploadRecord | undefined {
  try {
    const { version, digests, ...record } = JSON.parse(description) as UploadRecord & {
      version: number;
      digests?: { size: number; values: Record<string, string> };
    };
    if (version !== 1) return undefined;
    return { ...record, digests: digests && { size: digests.size, values: parseDigests(digests.values) } };
  } catch {
    return undefined;
  }
}

/** Whether another front than the upload resource wrote a description: S3 has its own. */
export function isForeign(description: string): boolean {
  return description.startsWith('{"version":"s3"');
}

function parseDigests(hex: Record<string, string>): Map<Algorithm, Buffer> {
  const values = new Map<Algorithm, Buffer>();
  for (const [name, text] of Object.entries(hex)) {
    const value = Buffer.from(text, "hex");
    if (isAlgorithm(name) && value.length === digestLength(name)) values.set(name, value);
  }
  return values;
}
