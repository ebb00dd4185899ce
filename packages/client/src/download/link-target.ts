import { readlink, realpath } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";

/** More links than any system follows. */
const MAX_LINKS = 40;

/**
 * The path of the file that `path` leads to, links followed; where the last one leads to nothing yet, that is the path
 * at which it would be, whether its directory exists or not. Rejects with `ELOOP` for links that lead back to themselves.
 */
export async function linkTarget(path: string): Promise<string> {
  let current = path;
  for (let links = 0; links < MAX_LINKS; links += 1) {
    const real = await realpath(current).catch(() => undefined);
    if (real !== undefined) return real;
    const target = await readlink(current).catch(() => undefined);
    const directory = await realpath(dirname(current)).catch(() => undefined);
    if (directory === undefined) return current;
    if (target === undefined) return join(directory, basename(current));
    current = resolve(directory, target);
  }
  throw Object.assign(new Error(`too many links at ${path}`), { code: "ELOOP" });
}
