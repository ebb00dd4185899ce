import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";

/** Where Debian puts servers: programs for administrators, which are not on the path of other users. */
const ADMINISTRATION = ["/usr/sbin", "/usr/local/sbin"];

/**
 * The path of a program; undefined if it is not installed. It is looked for on the path of this process, among the
 * programs for administrators, and then in `further`. Start what was found by its path: its name may not be enough.
 */
export async function findProgram(name: string, further: readonly string[] = []): Promise<string | undefined> {
  const onPath = (process.env["PATH"] ?? "").split(delimiter).filter((directory) => directory !== "");
  for (const directory of [...onPath, ...ADMINISTRATION, ...further]) {
    const path = join(directory, name);
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

/** Whether a file is there that can be run. */
export function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
