import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { type RunningTrailsum, startTrailsum, tempDir, type TrailsumOptions } from "@trailsum/testkit";

/** A `trailsum serve` that is ready, and what is to be seen in its directory. */
export interface Serving extends RunningTrailsum {
  readonly directory: string;
  readonly port: number;
  /** The files that anybody can see, as paths from the directory, sorted. */
  readonly visible: () => Promise<string[]>;
  /** What is being received, or was left behind. */
  readonly staged: () => Promise<string[]>;
  /** The upload resources that are kept. */
  readonly uploads: () => Promise<string[]>;
}

/** Starts `trailsum serve` on a free port with a log for people, in a new directory or in `directory`, with these further arguments. */
export async function serve(
  args: readonly string[] = [],
  options: TrailsumOptions & { readonly directory?: string } = {},
): Promise<Serving> {
  const { directory = await tempDir(), ...rest } = options;
  const running = await startTrailsum(
    ["serve", directory, "--port", "0", ...(args.includes("--log") ? [] : ["--log", "text"]), ...args],
    rest,
  );
  return {
    ...running,
    directory,
    port: Number(new URL(running.url).port),
    visible: () => visibleIn(directory),
    staged: () => filesBelow(join(directory, ".trailsum/staging")),
    uploads: async () =>
      (await filesBelow(join(directory, ".trailsum/uploads"))).filter((name) => /^[0-9a-f]{32}$/.test(name)),
  };
}

/** The files in a directory that is served, the server's own left out. */
async function visibleIn(directory: string): Promise<string[]> {
  return (await filesBelow(directory)).filter((file) => !file.startsWith(".trailsum/"));
}

/** All files below a directory, as paths from it, sorted. */
export async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .toSorted();
}
