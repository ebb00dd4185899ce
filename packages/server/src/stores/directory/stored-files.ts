import { constants } from "node:fs";
import { lstat, open } from "node:fs/promises";

import { fileErrorCode, unlessAbsent } from "@trailsum/files";
import { type Digests, TrailsumError } from "@trailsum/shared";

import { createDigestRecords, type DigestRecords, sameVersion } from "./digest-records.ts";
import { listDirectory } from "./directory-listing.ts";
import { type DirectoryRoot, openDirectoryRoot } from "./directory-root.ts";
import { fileError } from "./file-errors.ts";
import { fileStream } from "./file-in-directory.ts";
import { storeFolders } from "./store-folders.ts";

/** A file in the directory of a store, or one that should be there. */
export interface StoredFile {
  /** The path of its object. */
  readonly path: string;
  /** `there`; `missing` if there is a record and no file; `unreadable` if it cannot be opened. */
  readonly state: "there" | "missing" | "unreadable";
  /** Its size in bytes; 0 if it is not there. */
  readonly size: number;
  /** The recorded digests of this version of the file; undefined without a record, as after a change by other means. */
  readonly digests: Digests | undefined;
  /** When its content was verified; undefined if it never was. */
  readonly verified: Date | undefined;
  /**
   * Its bytes. Read them before the next file is asked for. Throws `FILE_UNREADABLE` unless it is there, and fails with `FILE_CHANGED` at the end if the file was written to
   * meanwhile.
   */
  read(): AsyncIterable<Uint8Array>;
}

/**
 * Every file in the directory of a store, in the order of their paths, and then every file that a record says should be
 * there. Nothing is written: unlike a store, it leaves records and what is being received alone. Memory grows only with the
 * number of files that are missing. Rejects with `NOT_FOUND` if the directory was never that of a store.
 */
export async function* storedFiles(directory: string): AsyncGenerator<StoredFile> {
  try {
    const root = await openDirectoryRoot(directory);
    const { digests } = storeFolders(root.reserved);
    if ((await unlessAbsent(lstat(digests))) === undefined)
      throw new TrailsumError("NOT_FOUND", `${directory} has no records of digests: it was never served`);
    const records = createDigestRecords(digests, async () => {});
    for await (const { name } of (await listDirectory(root, records, "", { recursive: true })) ?? [])
      yield* storedFile(root, records, name);
    const missing = new Set<string>();
    for await (const path of records.paths()) {
      if (missing.has(path) || (await unlessAbsent(lstat(root.locate(path)))) !== undefined) continue;
      missing.add(path);
      yield absent(path, "missing");
    }
  } catch (error) {
    throw fileError(error, "FILE_UNREADABLE");
  }
}

/** A file of a listing, which is open while it is inspected; undefined if it no longer exists. */
async function* storedFile(root: DirectoryRoot, records: DigestRecords, path: string): AsyncGenerator<StoredFile> {
  const real = await root.resolve(path);
  if (real === undefined) return;
  const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
  // oxlint-disable-next-line no-bitwise -- flags are bits
  const file = await unlessAbsent(open(real, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)).catch((error: unknown) => {
    if (fileErrorCode(error) === "EACCES" || fileErrorCode(error) === "EPERM") return "unreadable" as const;
    throw error;
  });
  if (file === "unreadable") yield absent(path, file);
  if (file === "unreadable" || file === undefined) return;
  try {
    const before = await file.stat({ bigint: true });
    if (!before.isFile()) return;
    const recorded = await records.read(root.keyOf(real), before);
    const size = Number(before.size);
    yield {
      path,
      state: "there",
      size,
      digests: recorded?.digests,
      verified: recorded?.verified,
      async *read() {
        yield* fileStream(file, { start: 0, end: size, autoClose: false }) as AsyncIterable<Uint8Array>;
        if (!sameVersion(before, await file.stat({ bigint: true })))
          throw new TrailsumError("FILE_CHANGED", `${path} was written to while it was read`);
      },
    };
  } finally {
    await file.close();
  }
}

function absent(path: string, state: "missing" | "unreadable"): StoredFile {
  return {
    path,
    state,
    size: 0,
    digests: undefined,
    verified: undefined,
    read() {
      throw new TrailsumError("FILE_UNREADABLE", `${path} cannot be read`);
    },
  };
}
