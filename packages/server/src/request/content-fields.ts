import { type FieldLine, FieldLines, TrailsumError } from "@trailsum/shared";

/** The fields that describe a representation (RFC 9110 section 8), kept with an object and returned with it. */
const KEPT = ["Content-Type", "Content-Encoding", "Content-Language", "Content-Disposition"];
/** Those of them that are lists, and so may come in several lines. */
const LISTS: ReadonlySet<string> = new Set(["Content-Encoding", "Content-Language"]);

/** The fields of an upload that are kept with its object. Throws `PROTOCOL` for one that may not come twice and does. */
export function keptContentFields(header: FieldLines): FieldLine[] {
  return KEPT.flatMap((name): FieldLine[] => {
    const value = LISTS.has(name) ? listValue(name, header) : singleValue(name, header);
    return value === "" ? [] : [[name, value]];
  });
}

function listValue(name: string, header: FieldLines): string {
  // RFC 9110 section 12.5.3: `identity` is not a coding that content has.
  const members = header.list(name).filter((member) => member.toLowerCase() !== "identity");
  return members.join(", ");
}

function singleValue(name: string, header: FieldLines): string {
  const [value = "", ...others] = new Set(header.getAll(name));
  if (others.length === 0) return value;
  throw new TrailsumError("PROTOCOL", `the request has more than one ${name}: send one`);
}

/** The fields that describe an object in a response, or in a part of a multipart response. */
export function describingFields(fields: readonly FieldLine[]): FieldLine[] {
  const kept = FieldLines.from(fields);
  const described = KEPT.flatMap((name): FieldLine[] => {
    const value = kept.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  return kept.has("Content-Type") ? described : [["Content-Type", "application/octet-stream"], ...described];
}

/**
 * The fields that keep what was uploaded from acting for this site: a browser neither guesses its type nor runs it with
 * this site's origin.
 */
export function protectingFields(fields: readonly FieldLine[]): FieldLine[] {
  const protecting: FieldLine[] = [["X-Content-Type-Options", "nosniff"]];
  // Browsers show no PDF in a sandbox. Its scripts do not run in the origin of the document.
  const type = FieldLines.from(fields).get("Content-Type") ?? "";
  if (!/^application\/pdf[ \t]*(?:;[^,]*)?$/i.test(type)) {
    protecting.push(["Content-Security-Policy", "sandbox allow-downloads"]);
  }
  return protecting;
}
