import type { Digests } from "@trailsum/shared";

import type { FilePath } from "./file-path.ts";

/** `<hex md5>  <name>`, as md5sum prints it, so that `md5sum -c` can check it: the name is written byte for byte. */
export function md5Line(digests: Digests, path: FilePath): Buffer {
  const hex = digests.values.get("md5")?.toString("hex") ?? "";
  const name = Buffer.from(path).toString("latin1");
  // As md5sum does: a name that would break the line is escaped, and the line begins with a backslash.
  const escaped = name.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
  return Buffer.from(escaped === name ? `${hex}  ${name}\n` : `\\${hex}  ${escaped}\n`, "latin1");
}

/** Digests as an object for JSON: lower-case hex by algorithm. */
export function hexDigests(digests: Digests): Record<string, string> {
  return Object.fromEntries([...digests.values].map(([algorithm, value]) => [algorithm, value.toString("hex")]));
}
