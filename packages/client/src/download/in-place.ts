import { open } from "node:fs/promises";

import { fileErrorCode } from "@trailsum/files";

/**
 * What systems answer where nothing can be created beside a file, or nothing renamed over it, though it may be possible to write
 * to the file itself: a bind mount, a sticky or foreign directory, a read-only file system around a mounted file.
 */
const NOT_REPLACEABLE: ReadonlySet<string | undefined> = new Set(["EACCES", "EBUSY", "EPERM", "EROFS", "EXDEV"]);

/** Whether an error means that a file cannot be replaced by renaming. */
export function isNotReplaceable(error: unknown): boolean {
  return NOT_REPLACEABLE.has(fileErrorCode(error));
}

/** Whether a file exists and may be written to. */
export async function isWritable(path: string): Promise<boolean> {
  try {
    await (await open(path, "r+")).close();
    return true;
  } catch {
    return false;
  }
}

const BLOCK = 1024 * 1024;

/**
 * Writes all of one file over another, durably, for a file that cannot be replaced. Should that fail half-way, the other
 * one is emptied: a part must not look like the whole.
 */
export async function writeInPlace(from: string, to: string): Promise<void> {
  const source = await open(from, "r");
  try {
    const target = await open(to, "r+");
    try {
      const block = Buffer.allocUnsafe(BLOCK);
      let position = 0;
      for (;;) {
        const { bytesRead } = await source.read(block, 0, BLOCK, position);
        if (bytesRead === 0) break;
        for (let done = 0; done < bytesRead;) {
          const { bytesWritten } = await target.write(block, done, bytesRead - done, position + done);
          done += bytesWritten;
        }
        position += bytesRead;
      }
      await target.truncate(position);
      await target.sync();
    } catch (error) {
      await target.truncate(0).catch(() => {});
      throw error;
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}
