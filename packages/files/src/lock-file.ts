import { randomBytes } from "node:crypto";
import { link, open, readFile, rename, stat, unlink, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

import { fileErrorCode, unlessAbsent } from "./file-error.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { ownerState, ownMark } from "./process-mark.ts";

const HEARTBEAT = 5_000;
/** A lock whose owner cannot be looked up from here and has not shown a sign of life for this long is broken. */
const ABANDONED = 60_000;
const MAX_WAIT = 120_000;
const PAUSE = 20;

/** How often a holder looks whether another process waits, and how often one that waits says so. */
const WANTED_INTERVAL = 500;

/** Options of {@link takeLockFile}. */
export interface LockFileOptions {
  /**
   * How long to wait for another process that holds the lock, in milliseconds.
   * @default 120000
   */
  readonly wait?: number | undefined;
  /** Called once when another process waits for the lock, which may be up to half a second later. */
  readonly onWanted?: (() => void) | undefined;
}

/** A lock that this process holds. */
export interface HeldLockFile {
  /** Lets the next process have it. */
  release(): Promise<void>;
}

/**
 * Does something while this process, of all that share the file system, holds the lock of that name: a file that exists
 * for as long as it is held. Its directory must exist. The lock of a process that was killed is taken over.
 * Rejects with the code `ETIMEDOUT` if others have held it for two minutes.
 */
export async function holdLockFile<T>(path: string, action: () => Promise<T>): Promise<T> {
  const lock = await takeLockFile(path);
  try {
    return await action();
  } finally {
    await lock.release();
  }
}

/** The same for what begins and ends in different places. */
export async function takeLockFile(path: string, options: LockFileOptions = {}): Promise<HeldLockFile> {
  const { onWanted, wait = MAX_WAIT } = options;
  const token = `${ownMark} ${randomBytes(8).toString("hex")}`;
  const wanted = `${path}.wanted`;
  let asked: number | undefined;
  for (const started = Date.now(); !(await take(path, token));) {
    if (await breakAbandoned(path)) continue;
    if (Date.now() - started >= wait) {
      throw Object.assign(new Error(`timed out after ${wait / 1000} s waiting for ${path}`), { code: "ETIMEDOUT" });
    }
    if (onWanted !== undefined && Date.now() - (asked ?? 0) > WANTED_INTERVAL) {
      asked = Date.now();
      await writeFile(wanted, "");
    }
    await sleep(PAUSE * (0.5 + Math.random()));
  }
  // Others that wait say so again.
  if (asked !== undefined) await unlessAbsent(unlink(wanted));
  const file = await open(path, "r+");
  const heartbeat = startHeartbeat(file, HEARTBEAT);
  const watch = onWanted && watchFor(wanted, onWanted);
  return {
    async release() {
      watch?.stop();
      await heartbeat.stop();
      await file.close();
      if (watch?.found === true) await unlessAbsent(unlink(wanted));
      // Another process may have broken the lock if this one was suspended for long.
      if ((await unlessAbsent(readFile(path, "utf8"))) === token) await unlessAbsent(unlink(path));
    },
  };
}

/** Calls `onFound` once when a file has been made. */
function watchFor(path: string, onFound: () => void): { readonly found: boolean; stop(): void } {
  const watch = { found: false, stop: () => clearInterval(timer) };
  const timer = setInterval(() => {
    const look = stat(path).then(() => {
      if (watch.found) return;
      watch.found = true;
      watch.stop();
      onFound();
    });
    look.catch(() => {});
  }, WANTED_INTERVAL).unref();
  return watch;
}

/** Creates the lock file, complete with its token, unless there is one. */
async function take(path: string, token: string): Promise<boolean> {
  try {
    const file = await open(path, "wx", 0o600);
    try {
      await file.writeFile(token);
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if (fileErrorCode(error) === "EEXIST") return false;
    throw error;
  }
}

/**
 * Removes the lock file if its owner is gone, and says whether it may be free now. It is moved away first: only one can do
 * that, and what was moved is known.
 */
async function breakAbandoned(path: string): Promise<boolean> {
  if (!(await isAbandoned(path))) return false;
  const moved = `${path}.${randomBytes(8).toString("hex")}`;
  if ((await unlessAbsent(rename(path, moved).then(() => true))) === undefined) return true;
  // Another process may have taken the lock meanwhile: give it back.
  const isOthers = !(await isAbandoned(moved));
  if (isOthers) await link(moved, path).catch(() => {});
  await unlessAbsent(unlink(moved));
  return !isOthers;
}

async function isAbandoned(path: string): Promise<boolean> {
  const token = await unlessAbsent(readFile(path, "utf8"));
  if (token === undefined) return false;
  const [mark = ""] = token.split(" ");
  // An empty file was just created, or its owner was killed before it wrote the token.
  const owner = token === "" ? "unknown" : ownerState(mark);
  if (owner !== "unknown") return owner === "gone";
  const stats = await unlessAbsent(stat(path));
  return stats !== undefined && Date.now() - stats.mtimeMs > ABANDONED;
}
