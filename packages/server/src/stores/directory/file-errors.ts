import { fileErrorCode } from "@trailsum/files";
import { type ErrorCode, TrailsumError } from "@trailsum/shared";

const meanings: ReadonlyMap<string, readonly [ErrorCode, string]> = new Map([
  ["ENOSPC", ["NO_SPACE", "no space left to store this"]],
  ["EDQUOT", ["NO_SPACE", "no space left to store this: the quota is used up"]],
  ["EFBIG", ["NO_SPACE", "the file system cannot store a file this large"]],
  ["EMFILE", ["UNAVAILABLE", "too many files are open here: try again later"]],
  ["ENFILE", ["UNAVAILABLE", "too many files are open here: try again later"]],
  ["ENAMETOOLONG", ["PATH_INVALID", "the path is too long for the file system: shorten it"]],
  ["EILSEQ", ["PATH_INVALID", "the file system cannot store a name like this"]],
  ["ENOTDIR", ["CONFLICT", "a file is stored where the path needs a directory: choose another name"]],
  ["EEXIST", ["CONFLICT", "a file is stored where the path needs a directory: choose another name"]],
  ["EISDIR", ["CONFLICT", "a directory is stored under this path: choose another name"]],
  ["ENOTEMPTY", ["CONFLICT", "a directory is stored under this path: choose another name"]],
  ["ELOOP", ["PATH_FORBIDDEN", "the path leads through a symbolic link that may not be followed"]],
] as const);

/** The error to throw for one of node:fs. Its sentence names no file of this machine; its cause does. */
export function fileError(cause: unknown, code: ErrorCode): TrailsumError {
  if (cause instanceof TrailsumError) return cause;
  const known = meanings.get(fileErrorCode(cause) ?? "");
  if (known !== undefined) return new TrailsumError(...known, { cause });
  return new TrailsumError(code, `the store failed: ${fileErrorCode(cause) ?? "unexpected error"}`, { cause });
}

/** Creates a file, and the directory for it first if that is missing. */
export async function createWithin<T>(makeDirectory: () => Promise<void>, create: () => Promise<T>): Promise<T> {
  try {
    return await create();
  } catch (error) {
    if (fileErrorCode(error) !== "ENOENT") throw error;
    await makeDirectory();
    return create();
  }
}
