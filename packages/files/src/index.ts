export { BlockWriter, type BlockWriterOptions } from "./block-writer.ts";
export { syncDirectory } from "./sync-directory.ts";
export { fileErrorCode, unlessAbsent } from "./file-error.ts";
export { type FileVersion, isUnchanged } from "./file-version.ts";
export { type HeldLockFile, holdLockFile, type LockFileOptions, takeLockFile } from "./lock-file.ts";
export { createTemporaryFile, removeLeftovers, type TemporaryFile, type TemporaryFileNames } from "./temporary-file.ts";
