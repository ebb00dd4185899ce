import type { BigIntStats } from "node:fs";

/**
 * What two looks at a file have to agree on for nothing to have been written in between. The modification time is not
 * enough: it can be set, and programs that restore it after they have written (`touch -r`, editors, backups) do. The
 * change time cannot.
 */
export type FileVersion = Pick<BigIntStats, "dev" | "ino" | "size" | "mtimeNs" | "ctimeNs">;

/** Whether a file is still what it was. */
export function isUnchanged(before: FileVersion, after: FileVersion): boolean {
  return (
    before.dev === after.dev &&
    before.ino === after.ino &&
    before.size === after.size &&
    before.mtimeNs === after.mtimeNs &&
    before.ctimeNs === after.ctimeNs
  );
}
