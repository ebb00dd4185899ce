export { syncDirectory } from "./sync-directory.ts";
export { fileErrorCode, unlessAbsent } from "./file-error.ts";
export { type FileVersion, isUnchanged } from "./file-version.ts";
export { holdLockFile } from "./lock-file.ts";
export { createTemporaryFile, removeLeftovers, type TemporaryFile, type TemporaryFileNames } from "./temporary-file.ts";
