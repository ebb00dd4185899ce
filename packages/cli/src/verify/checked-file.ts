import { type Algorithm, createStreamDigester, decideVerdict, FieldLines, TrailsumError } from "@trailsum/shared";
import type { RateLimit } from "@trailsum/client";

import type { FilePath } from "../files/file-path.ts";

/** A file to check, with the digests that it should have. */
export interface FileToCheck {
  readonly name: FilePath;
  /** Bytes, where the file is there. */
  readonly size: number;
  /** The digests that it should have; undefined if none are known. */
  readonly expected: ReadonlyMap<Algorithm, Buffer> | undefined;
  /** When its content was verified, where that is known. */
  readonly verified?: Date | undefined;
  /** Its bytes. Throws or fails with `FILE_UNREADABLE` or `FILE_CHANGED`; with `NOT_FOUND` if it is missing. */
  readonly read: () => AsyncIterable<Uint8Array>;
}

/** The result. */
export type FileState = "ok" | "mismatched" | "missing" | "unrecorded" | "unreadable";

/** The outcome for one file. */
export interface CheckedFile {
  readonly name: FilePath;
  readonly state: FileState;
  readonly size: number;
  readonly verified: Date | undefined;
  /** What it should have, and what it has, by algorithm, where they differ. */
  readonly differing: readonly {
    readonly algorithm: Algorithm;
    readonly expected: Buffer;
    readonly computed: Buffer;
  }[];
  /** Why it could not be read. */
  readonly reason?: string;
}

/** How files are read. */
export interface Checking {
  readonly limit: RateLimit | undefined;
  readonly signal: AbortSignal;
  /** Called with the number of bytes of each piece. */
  readonly onBytes: (bytes: number) => void;
}

/** Reads a file and compares it with all recorded digests. Rejects with `ABORTED` only. */
export async function checkFile(file: FileToCheck, { limit, signal, onBytes }: Checking): Promise<CheckedFile> {
  const { name, size, expected, verified } = file;
  const outcome = (state: FileState, more: Partial<CheckedFile> = {}): CheckedFile => ({
    name,
    state,
    size,
    verified,
    differing: [],
    ...more,
  });
  if (expected === undefined) return outcome("unrecorded");
  const digester = await createStreamDigester(expected.keys(), size);
  try {
    for await (const chunk of file.read()) {
      if (signal.aborted) throw aborted();
      await digester.update(chunk);
      onBytes(chunk.byteLength);
      await limit?.take(chunk.byteLength, signal);
    }
    const computed = await digester.digest();
    const { expected: compared } = decideVerdict({ header: FieldLines.empty, computed, expected });
    const differing = compared
      .filter(({ holds }) => !holds)
      .map(({ algorithm, digest }) => ({ algorithm, expected: digest, computed: computed.values.get(algorithm)! }));
    return outcome(differing.length > 0 ? "mismatched" : "ok", { size: computed.size, differing });
  } catch (error) {
    if (signal.aborted) throw aborted(error);
    const { code, message } = TrailsumError.from(error, "FILE_UNREADABLE");
    return outcome(code === "NOT_FOUND" ? "missing" : "unreadable", { reason: message });
  } finally {
    digester.close();
  }
}

function aborted(cause?: unknown): TrailsumError {
  return new TrailsumError("ABORTED", "the verification was cancelled", { cause });
}
