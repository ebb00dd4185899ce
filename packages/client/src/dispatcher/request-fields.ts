import { FieldLines, isFieldValue, isToken } from "@trailsum/shared";
import { errors } from "undici";

/** Field lines in any of the shapes that undici takes headers in, or as {@link FieldLines}. */
export type FieldsInit =
  | FieldLines
  | readonly string[]
  | Iterable<readonly [name: string, value: string | readonly string[] | undefined]>
  | Readonly<Record<string, FieldValueInit | readonly FieldValueInit[]>>;

/** Only SP and HTAB are whitespace around a value: `String.trim` would take a line break away, and NBSP, which is an octet. */
const OUTER_WHITESPACE = /^[\t ]*(|.*[^\t ])[\t ]*$/s;

type FieldValueInit = string | number | boolean | null | undefined;

/**
 * Name, value, name, value, ... from any accepted shape, in its order. Throws undici's `InvalidArgumentError` for what
 * are not allowed in a field line. An `undefined` value leaves the line out, `null` is an empty value, as in undici.
 */
export function rawFields(init: unknown): string[] {
  const raw: string[] = [];
  if (init === null || init === undefined) return raw;
  if (typeof init !== "object") throw new errors.InvalidArgumentError("headers must be an object or an array");
  if (init instanceof FieldLines) return rawFields(init.raw);
  if (Array.isArray(init) && !Array.isArray(init[0])) {
    if (init.length % 2 !== 0) throw new errors.InvalidArgumentError("headers array must be even");
    for (let at = 0; at < init.length; at += 2) pushField(raw, init[at], init[at + 1]);
    return raw;
  }
  return pushPairs(raw, Symbol.iterator in init ? (init as Iterable<unknown>) : Object.entries(init));
}

function pushPairs(raw: string[], pairs: Iterable<unknown>): string[] {
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2) {
      throw new errors.InvalidArgumentError("headers must be in key-value pair format");
    }
    pushField(raw, pair[0], pair[1]);
  }
  return raw;
}

function pushField(raw: string[], name: unknown, value: unknown): void {
  if (typeof name !== "string" || !isToken(name)) throw new errors.InvalidArgumentError("invalid header key");
  if (Array.isArray(value)) {
    for (const one of value) raw.push(name, fieldValue(name, one));
  } else if (value !== undefined) {
    raw.push(name, fieldValue(name, value));
  }
}

function fieldValue(name: string, value: unknown): string {
  if (value === null) return "";
  if (typeof value === "string" && (value === "" || isFieldValue(value))) return value;
  const text = typeof value === "string" ? OUTER_WHITESPACE.exec(value)?.[1] : primitiveText(value);
  if (text === undefined || !isFieldValue(text)) throw new errors.InvalidArgumentError(`invalid ${name} header`);
  return text;
}

/** Objects are refused, so that a crafted `toString` is never called. */
function primitiveText(value: unknown): string | undefined {
  return typeof value === "number" || typeof value === "boolean" || typeof value === "bigint"
    ? String(value)
    : undefined;
}
