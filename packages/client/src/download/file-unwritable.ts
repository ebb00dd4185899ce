import { fileErrorCode } from "@trailsum/files";
import { TrailsumError } from "@trailsum/shared";

import { isOutOfSpace } from "./stream-destination.ts";

const REASONS: ReadonlyMap<string | undefined, string> = new Map([
  ["ENOENT", "its directory does not exist"],
  ["EACCES", "no permission"],
  ["EPERM", "no permission"],
  ["EROFS", "the file system is read-only"],
  ["EISDIR", "it is a directory: name a file in it"],
  ["ENOTDIR", "what should be its directory is a file"],
  ["ENAMETOOLONG", "its name is too long"],
  ["ELOOP", "it is a link that leads back to itself"],
]);

/** Does something with a file; its errors become those of {@link fileUnwritable}. */
export async function writingFile<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof TrailsumError) throw error;
    throw fileUnwritable(path, error);
  }
}

/** The error of a file that cannot be written: `NO_SPACE` or `FILE_UNWRITABLE`, with the reason. */
export function fileUnwritable(path: string, error: unknown): TrailsumError {
  if (isOutOfSpace(error)) {
    return new TrailsumError("NO_SPACE", `no space left to write ${path}: make room and try again`, { cause: error });
  }
  const reason = REASONS.get(fileErrorCode(error)) ?? (error instanceof Error ? error.message : String(error));
  return new TrailsumError("FILE_UNWRITABLE", `cannot write ${path}: ${reason}`, { cause: error });
}
