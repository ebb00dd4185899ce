import type { IncomingHttpHeaders } from "node:http";

/**
 * The object of lower-cased names that undici's handlers are given, a list where a name came more than once. A name from
 * a stranger never reaches a prototype: `__proto__` becomes a property like any other, as it does in undici.
 */
export function headersObject(raw: readonly string[]): IncomingHttpHeaders {
  const headers: Record<string, string | string[]> = {};
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!.toLowerCase();
    const value = raw[at + 1]!;
    const before = Object.hasOwn(headers, name) ? headers[name] : undefined;
    if (before === undefined) define(headers, name, value);
    else if (typeof before === "string") define(headers, name, [before, value]);
    else before.push(value);
  }
  return headers;
}

function define(headers: Record<string, string | string[]>, name: string, value: string | string[]): void {
  if (name === "__proto__") {
    Object.defineProperty(headers, name, { value, enumerable: true, configurable: true, writable: true });
  } else headers[name] = value;
}
