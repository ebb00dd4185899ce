import { closestMatch } from "leven";

/** The largest edit distance between a name and a suggestion. */
const MAX_DISTANCE = 2;

/** `: did you mean jobs?` if a known name is close to the mistyped one; otherwise an empty string. */
export function suggestion(mistyped: string, known: Iterable<string>, prefix = ""): string {
  const plain = (name: string): string => name.toLowerCase().replaceAll(/[-_]/g, "");
  const names = new Map(Array.from(known, (name) => [plain(name), name]));
  // A short name would match anything.
  const maxDistance = Math.min(MAX_DISTANCE, Math.floor(plain(mistyped).length / 2));
  const match = closestMatch(plain(mistyped), [...names.keys()], { maxDistance });
  return match === undefined ? "" : `: did you mean ${prefix}${names.get(match)}?`;
}
