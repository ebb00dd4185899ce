import type { Digests } from "@trailsum/shared";

/** `<hex md5>  <name>`, as md5sum prints it, so that `md5sum -c` can check it. */
export function md5Line(digests: Digests, name: string): string {
  const hex = digests.values.get("md5")?.toString("hex") ?? "";
  // As md5sum does: a name that would break the line is escaped, and the line begins with a backslash.
  const escaped = name.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
  return escaped === name ? `${hex}  ${name}\n` : `\\${hex}  ${escaped}\n`;
}

/** Digests as an object for JSON: lower-case hex by algorithm. */
export function hexDigests(digests: Digests): Record<string, string> {
  return Object.fromEntries([...digests.values].map(([algorithm, value]) => [algorithm, value.toString("hex")]));
}
