import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/**
 * The directory for what can be made again (XDG Base Directory Specification): a relative `XDG_CACHE_HOME` does not count.
 * Made if it is not there; undefined if that fails, and for a user without a home.
 */
export function cacheDirectory(): string | undefined {
  const { XDG_CACHE_HOME: given = "" } = process.env;
  try {
    const directory = join(given.startsWith("/") ? given : join(homedir(), ".cache"), "trailsum");
    makePrivateDirectory(directory);
    return directory;
  } catch {
    return undefined;
  }
}

/**
 * Makes a directory for this user alone, and those above it. Throws where that fails; Node's own recursive `mkdir` never
 * returns in `/proc`.
 */
function makePrivateDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EEXIST") return;
    if (code !== "ENOENT" || dirname(path) === path) throw error;
    makePrivateDirectory(dirname(path));
    mkdirSync(path, { mode: 0o700 });
  }
}
