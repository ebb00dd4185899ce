import { closestMatch } from "leven";

/** How many letters may be wrong in a name that is recognised all the same. */
const MAX_DISTANCE = 2;

/** `: did you mean jobs?` where one of the known names is close to a mistyped one; otherwise nothing. */
export function suggestion(mistyped: string, known: Iterable<string>, prefix = ""): string {
  const plain = (name: string): string => name.toLowerCase().replaceAll(/[-_]/g, "");
  const names = new Map(Array.from(known, (name) => [plain(name), name]));
  // Of a short name nothing would be left.
  const maxDistance = Math.min(MAX_DISTANCE, Math.floor(plain(mistyped).length / 2));
  const match = closestMatch(plain(mistyped), [...names.keys()], { maxDistance });
  return match === undefined ? "" : `: did you mean ${prefix}${names.get(match)}?`;
}
