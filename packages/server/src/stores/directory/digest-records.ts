import { createHash } from "node:crypto";
import { type BigIntStats } from "node:fs";
import { lstat, open, opendir, readFile, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

import { syncDirectory, unlessAbsent } from "@trailsum/files";
import { type Algorithm, type Digests, digestLength, type FieldLine, isAlgorithm } from "@trailsum/shared";

import { createWithin } from "./file-errors.ts";

/** What identifies a version of a file: its inode, its size and its modification time. */
export type FileIdentity = Pick<BigIntStats, "ino" | "size" | "mtimeNs">;

/** What is kept of one version of a file, apart from its bytes. */
export interface RecordedVersion {
  readonly digests: Digests;
  /** The fields that describe the content. */
  readonly fields: readonly FieldLine[];
  /** When the content was verified; undefined if it never was. */
  readonly verified: Date | undefined;
}

/** The digests and fields of a directory's files, one small file for each version. */
export interface DigestRecords {
  /** Writes a record, durably. */
  write(path: string, identity: FileIdentity, version: RecordedVersion): Promise<void>;
  /** What is recorded of that version; undefined if nothing is. */
  read(path: string, identity: FileIdentity): Promise<RecordedVersion | undefined>;
  /** Notes which version is there now, so that its record can be found when the version is gone. */
  note(path: string, identity: FileIdentity): void;
  /** Whether the version that was noted last differs from `there`, which is undefined without a file. */
  isStale(path: string, there: FileIdentity | undefined): boolean;
  /** Removes the record of the version that was noted last, if it differs from `there`. */
  removeStale(path: string, there: FileIdentity | undefined): Promise<void>;
  /** Removes the record of a version that is gone. */
  remove(path: string, identity: FileIdentity): Promise<void>;
  /** The paths of all records. One that has several, of old versions, comes several times. */
  paths(): AsyncIterable<string>;
  /** Removes the records of all versions that are gone. */
  sweep(files: SweptFiles): Promise<void>;
}

/** What a sweep has to know of the files that records describe. */
interface SweptFiles {
  /** Where the file of a path is. */
  readonly locate: (path: string) => string;
  /** The inodes of the files that are being received, in decimal. */
  readonly stagedInodes: () => Promise<ReadonlySet<string>>;
}

interface DigestRecord {
  readonly path: string;
  readonly inode: string;
  readonly size: number;
  readonly modified: string;
  readonly digests: { readonly [algorithm: string]: string };
  /** Absent in records from before fields were kept. */
  readonly fields?: readonly FieldLine[];
  /** An ISO 8601 date. */
  readonly verified?: string | undefined;
}

// What cannot be read may be being written, and what is for another file system is staged there.
const SETTLED = 60 * 60 * 1000;
// The most versions that are noted. The next sweep removes the records of others.
const MAX_NOTED = 10_000;

/**
 * Records are kept apart from the files, which belong to the user, and are bound to a version rather than to a
 * path: a record is written before its file is moved to where it is seen, so that at every instant the file that is
 * seen has its own record, and a file that was written by other means has none.
 * `makeDirectory` makes the directory again, should it have been removed.
 */
export function createDigestRecords(directory: string, makeDirectory: () => Promise<void>): DigestRecords {
  const noted = new Map<string, FileIdentity>();

  const locateRecord = (path: string, { ino, mtimeNs }: FileIdentity): string => {
    const hash = createHash("sha256").update(path).digest("hex").slice(0, 32);
    return join(directory, `${hash}-${ino}-${mtimeNs}.json`);
  };

  return {
    async write(path, identity, { digests, fields, verified }) {
      const record: DigestRecord = {
        path,
        inode: String(identity.ino),
        size: Number(identity.size),
        modified: String(identity.mtimeNs),
        digests: Object.fromEntries(
          [...digests.values].map(([algorithm, value]) => [algorithm, value.toString("hex")]),
        ),
        fields,
        verified: verified?.toISOString(),
      };
      const file = await createWithin(makeDirectory, () => open(locateRecord(path, identity), "w", 0o600));
      try {
        await file.writeFile(`${JSON.stringify(record)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await syncDirectory(directory);
    },

    async read(path, identity) {
      const record = parseRecord(await unlessAbsent(readFile(locateRecord(path, identity), "utf8")));
      return record !== undefined && describes(record, identity) ? recordedVersion(record) : undefined;
    },

    note(path, identity) {
      noted.delete(path);
      noted.set(path, identity);
      const [oldest] = noted.keys();
      if (noted.size > MAX_NOTED && oldest !== undefined) noted.delete(oldest);
    },

    isStale(path, there) {
      const known = noted.get(path);
      return known !== undefined && (there === undefined || !sameVersion(known, there));
    },

    async removeStale(path, there) {
      const known = noted.get(path);
      if (known === undefined || !this.isStale(path, there)) return;
      noted.delete(path);
      await this.remove(path, known);
    },

    async remove(path, identity) {
      await rm(locateRecord(path, identity), { force: true });
    },

    async *paths() {
      for await (const entry of await opendir(directory)) {
        const record = parseRecord(await unlessAbsent(readFile(join(directory, entry.name), "utf8")));
        if (record !== undefined) yield record.path;
      }
    },

    async sweep({ locate, stagedInodes }) {
      const started = Date.now();
      const { dev } = await stat(directory);
      const staged = await stagedInodes();
      for await (const entry of await opendir(directory)) {
        const file = join(directory, entry.name);
        const stats = await unlessAbsent(lstat(file));
        const record = parseRecord(await unlessAbsent(readFile(file, "utf8")));
        if (stats === undefined || (record !== undefined && (await isCurrent(record, locate)))) continue;
        // What is being published has its record already: its file is still among the staged ones, or it came since.
        const isVisible = record !== undefined && (await isOnDevice(dirname(locate(record.path)), dev));
        const isPending = isVisible
          ? staged.has(record.inode) || stats.mtimeMs >= started
          : started - stats.mtimeMs < SETTLED;
        if (!isPending) await rm(file, { force: true });
      }
    },
  };
}

async function isCurrent(record: DigestRecord, locate: SweptFiles["locate"]): Promise<boolean> {
  const there = await unlessAbsent(lstat(locate(record.path), { bigint: true }));
  return there !== undefined && describes(record, there);
}

/** Whether a directory is on this device, or does not exist: then nothing is being published in it. */
async function isOnDevice(path: string, dev: number): Promise<boolean> {
  const stats = await unlessAbsent(stat(path));
  return stats === undefined || stats.dev === dev;
}

/** Whether two identities are of one version. */
export function sameVersion(one: FileIdentity, other: FileIdentity): boolean {
  return one.ino === other.ino && one.size === other.size && one.mtimeNs === other.mtimeNs;
}

function describes(record: DigestRecord, { ino, size, mtimeNs }: FileIdentity): boolean {
  return record.inode === String(ino) && record.size === Number(size) && record.modified === String(mtimeNs);
}

/** Undefined for a record that a crash truncated. */
function parseRecord(text: string | undefined): DigestRecord | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is DigestRecord {
  return (
    typeof value === "object" &&
    value !== null &&
    "path" in value &&
    typeof value.path === "string" &&
    "inode" in value &&
    "size" in value &&
    "modified" in value &&
    "digests" in value &&
    typeof value.digests === "object" &&
    value.digests !== null &&
    (!("fields" in value) || isFields(value.fields)) &&
    (!("verified" in value) || typeof value.verified === "string")
  );
}

function isFields(value: unknown): value is readonly FieldLine[] {
  const isText = (part: unknown): boolean => typeof part === "string";
  return Array.isArray(value) && value.every((line) => Array.isArray(line) && line.length === 2 && line.every(isText));
}

function recordedVersion({ size, digests, fields = [], verified }: DigestRecord): RecordedVersion | undefined {
  const values = new Map<Algorithm, Buffer>();
  for (const [algorithm, hex] of Object.entries(digests)) {
    const value = Buffer.from(hex, "hex");
    if (isAlgorithm(algorithm) && value.length === digestLength(algorithm)) values.set(algorithm, value);
  }
  if (values.size === 0) return undefined;
  return { digests: { size, values }, fields, verified: verified === undefined ? undefined : new Date(verified) };
}
