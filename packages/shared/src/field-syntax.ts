import { type OctetClass, octetClass, TOKEN } from "./octet-class.ts";

/** RFC 9110 section 5.5: no control characters but HTAB, nothing beyond one octet, no whitespace at either end. */
const FIELD_VALUE = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/;

/** Whether `text` is a token, and so may be a field name or a method (RFC 9110 section 5.6.2). */
export function isToken(text: string): boolean {
  return text !== "" && consistsOf(TOKEN, text);
}

/**
 * Whether `text` may be sent as a field value: octets as latin1 characters, no CR, LF, NUL or other control but HTAB,
 * no leading or trailing whitespace (RFC 9110 section 5.5).
 */
export function isFieldValue(text: string): boolean {
  return FIELD_VALUE.test(text);
}

/**
 * The members of a comma-separated list of tokens (`Trailer`, `Connection`, `TE`), trimmed, empty ones skipped
 * (RFC 9110 section 5.6.1.2). What the members are is not checked.
 */
export function listMembers(value: string): string[] {
  const members: string[] = [];
  if (!value.includes(",")) {
    // By far the most common: one member.
    const only = trimWhitespace(value);
    return only === "" ? members : [only];
  }
  for (const part of value.split(",")) {
    const member = trimWhitespace(part);
    if (member !== "") members.push(member);
  }
  return members;
}

/**
 * `text` without the spaces and tabs around it: the only whitespace that HTTP knows (RFC 9110 section 5.6.3).
 * `String.trim` would also take away characters such as NBSP, which are octets of the value.
 */
export function trimWhitespace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isWhitespace(text[start])) start += 1;
  while (end > start && isWhitespace(text[end - 1])) end -= 1;
  return text.slice(start, end);
}

function isWhitespace(character: string | undefined): boolean {
  return character === " " || character === "\t";
}

/** Whether two field names are the same name: names are compared without regard to case (RFC 9110 section 5.1). */
export function sameFieldName(one: string, other: string): boolean {
  if (one === other) return true;
  // The first letter distinguishes most names of one length, at a fraction of the price.
  if (one.length !== other.length || (one.charCodeAt(0) | 0x20) !== (other.charCodeAt(0) | 0x20)) return false;
  return one.toLowerCase() === other.toLowerCase();
}

/**
 * The form of a field name under which names to refuse or remove are looked up: lower case, and `_` and all other
 * punctuation as `-`. Servers that hand fields on as environment variables (CGI, RFC 3875 section 4.1.18; WSGI; PHP) read
 * `X_Forwarded_For`, some `X.Forwarded.For` too, and `X-Forwarded-For` as one name. Names to let through are compared as
 * they are: see {@link sameFieldName}.
 */
export function foldedFieldName(name: string): string {
  const lower = name.toLowerCase();
  return consistsOf(PLAIN, lower) ? lower : lower.replaceAll(/[^\da-z-]/g, "-");
}

const PLAIN = octetClass(/[\da-z-]/);

/** Whether all characters of `text` are in `octets`. For texts as short as names this costs less than a pattern. */
function consistsOf(octets: OctetClass, text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    if (octets[text.charCodeAt(at)] !== 1) return false;
  }
  return true;
}
