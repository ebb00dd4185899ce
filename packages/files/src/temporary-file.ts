import { randomBytes } from "node:crypto";
import { type FileHandle, lstat, open, readdir, unlink } from "node:fs/promises";
import { join } from "node:path";

import { unlessAbsent } from "./file-error.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { MARK, ownerState, ownMark } from "./process-mark.ts";

/** The directory of temporary files, and what their names begin and end with. */
export interface TemporaryFileNames {
  /** The directory of the files. */
  readonly directory: string;
  /** @default "" */
  readonly prefix?: string | undefined;
  /** @default "" */
  readonly suffix?: string | undefined;
  /**
   * Whether the directory holds only temporary files. Then files of other names, too, are removed when their modification
   * time is more than an hour old.
   * @default false
   */
  readonly exclusive?: boolean | undefined;
}

/** A file that this process is writing, under a unique name. */
export interface TemporaryFile {
  /** The path of the file. */
  readonly path: string;
  /** Open for writing and reading. */
  readonly file: FileHandle;
  /**
   * Ends the sign of life. Call it before the file is renamed, removed or closed: until this has resolved, the file's
   * modification time may still change.
   */
  readonly settle: () => Promise<void>;
}

const HEARTBEAT = 60 * 1000;
/** Without a heartbeat for this long a file is abandoned. Generous: clocks of a shared file system differ, and machines sleep. */
const ABANDONED = 60 * HEARTBEAT;

/**
 * Creates a file under a new name: prefix, the mark of this process, random, suffix. While it is open its modification
 * time is renewed, so that other machines and containers see that it is still being written.
 */
export async function createTemporaryFile(names: TemporaryFileNames, mode: number): Promise<TemporaryFile> {
  const { directory, prefix = "", suffix = "" } = names;
  const path = join(directory, `${prefix}${ownMark}-${randomBytes(8).toString("hex")}${suffix}`);
  const file = await open(path, "wx+", mode);
  const heartbeat = startHeartbeat(file, HEARTBEAT);
  return { path, file, settle: () => heartbeat.stop() };
}

/**
 * Removes the temporary files of these names that were left behind: those of processes that are gone for certain, and
 * those without a sign of life for an hour whose process cannot be looked up from here. Files of other names are left
 * alone unless the directory is exclusive. Never rejects for one file.
 */
export async function removeLeftovers(names: TemporaryFileNames): Promise<void> {
  const found = await readdir(names.directory);
  const paths = found.flatMap((name) => {
    const mark = markIn(name, names);
    return mark === undefined && names.exclusive !== true ? [] : [{ path: join(names.directory, name), mark }];
  });
  await Promise.all(
    paths.map(async ({ path, mark }) => {
      if (await isLeftover(path, mark).catch(() => false)) await unlink(path).catch(() => {});
    }),
  );
}

const UNIQUE = new RegExp(`^(${MARK})-[0-9a-f]{16}$`);

function markIn(name: string, { prefix = "", suffix = "" }: TemporaryFileNames): string | undefined {
  if (!name.startsWith(prefix) || !name.endsWith(suffix)) return undefined;
  return UNIQUE.exec(name.slice(prefix.length, name.length - suffix.length))?.[1];
}

async function isLeftover(path: string, mark: string | undefined): Promise<boolean> {
  const owner = mark === undefined ? "unknown" : ownerState(mark);
  if (owner !== "unknown") return owner === "gone";
  const stats = await unlessAbsent(lstat(path));
  return stats !== undefined && Date.now() - stats.mtimeMs > ABANDONED;
}
