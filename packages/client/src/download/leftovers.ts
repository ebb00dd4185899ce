import { readdir, unlink } from "node:fs/promises";
import { join } from "node:path";

/** How the names of unfinished downloads to a file begin. Short enough to leave room for the rest, in any script. */
export function temporaryPrefix(name: string): string {
  return `.${name.slice(0, 60).toWellFormed()}.`;
}

/**
 * Removes what processes that are gone have left of downloads to the same file: one that was killed could not clean up
 * after itself, and the next one to write there does. Their names are prefix, process id, `-`, random, `.trailsum`.
 */
export async function removeLeftovers(directory: string, prefix: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  const leftovers = names.filter((name) => {
    const owner = name.startsWith(prefix) ? /^(\d+)-[0-9a-f]{12}\.trailsum$/.exec(name.slice(prefix.length)) : null;
    return owner !== null && !isRunning(Number(owner[1]));
  });
  await Promise.all(leftovers.map((name) => unlink(join(directory, name)).catch(() => {})));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
