import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { fileErrorCode } from "@trailsum/files";

/** The folders that a directory store keeps for itself, in the reserved folder of the directory. */
export interface StoreFolders {
  /** What is being received. */
  readonly staging: string;
  /** Content that is received in several requests. */
  readonly uploads: string;
  /** The records of digests. */
  readonly digests: string;
  /** The locks of commits. */
  readonly locks: string;
  /** Creates the missing folders: they may be removed at any time. The directory itself is not created again. */
  make(): Promise<void>;
}

/** Names the folders in a reserved folder. They are not made yet. */
export function storeFolders(reserved: string): StoreFolders {
  const staging = join(reserved, "staging");
  const uploads = join(reserved, "uploads");
  const digests = join(reserved, "digests");
  const locks = join(reserved, "locks");
  return {
    staging,
    uploads,
    digests,
    locks,
    async make() {
      for (const folder of [reserved, staging, uploads, digests, locks]) {
        await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
          if (fileErrorCode(error) !== "EEXIST") throw error;
        });
      }
    },
  };
}
