/** How many layers of percent-encoding are looked through. A path with more is taken for an attempt to hide something. */
const LAYERS = 8;

/**
 * Whether some server could read a `..` segment in a path (RFC 3986 section 5.2.4), and so leave the path in
 * front of it. Checks all spellings that servers are known to decode, in any combination: percent-encoding, also repeated, of
 * dots and slashes; `\` as `/` (Windows, WHATWG URLs); parameters after `;` (Tomcat, Jetty); ignored control characters
 * and spaces; `%u002e` (IIS), overlong UTF-8 and the full-width forms of Unicode.
 */
export function hasParentSegment(path: string): boolean {
  let text = path;
  for (let layer = 0; layer < LAYERS; layer += 1) {
    if (text.split(/[/\\]/).some(isParent)) return true;
    const decoded = decode(text);
    if (decoded === text) return false;
    text = decoded;
  }
  return true;
}

function isParent(segment: string): boolean {
  if (!segment.includes("..") && !/\.[\0-\x20\x7f]+\./.test(segment)) return false;
  return segment.replace(/[;?#].*$/s, "").replaceAll(/[\0-\x20\x7f]/g, "") === "..";
}

/** One layer less; octets beyond ASCII stay latin1 characters, but for other spellings of a dot or a slash. */
function decode(text: string): string {
  if (!text.includes("%")) return text;
  return text
    .replaceAll(/%(?:u([0-9a-f]{4})|([0-9a-f]{2}))/gi, (_, unit: string | undefined, octet: string) =>
      String.fromCharCode(Number.parseInt(unit ?? octet, 16)),
    )
    .replaceAll(SPELLINGS, (spelled) => (DOTS.has(spelled) ? "." : "/"));
}

/** Overlong UTF-8 of `.`, in two and three octets; the full-width one as UTF-8 and as a character. */
const DOTS: ReadonlySet<string> = new Set(["\xc0\xae", "\xe0\x80\xae", "\xef\xbc\x8e", "\uff0e"]);

/** The same of `.`, `/` and `\`. */
const SPELLINGS =
  /\xc0\xae|\xe0\x80\xae|\xef\xbc\x8e|\uff0e|\xc0\xaf|\xe0\x80\xaf|\xef\xbc\x8f|\uff0f|\xc1\x9c|\xe0\x81\x9c|\xef\xbc\xbc|\uff3c/g;
