import type { RequestTarget } from "@trailsum/http/inbound";

const MAX_PARAMETERS = 10_000;

/** A target with a clean query; without a query if nothing is left of it. */
export function withCleanQuery(target: RequestTarget): RequestTarget {
  const { query } = target;
  if (query === undefined || query === "") return target;
  const clean = cleanQuery(query);
  return { ...target, query: clean === "" ? undefined : clean };
}

/**
 * A query without what two parsers read differently (CVE-2022-2880): one that holds a `;`, a `%` that begins no escape,
 * or more than 10,000 parameters is taken apart and put together again, sorted by key, its bad pairs left out, or
 * emptied where there are too many (CVE-2026-39825). Any other is left unchanged, byte for byte.
 */
export function cleanQuery(query: string): string {
  const pairs = query.split("&");
  if (pairs.length > MAX_PARAMETERS) return "";
  if (!query.includes(";") && !/%(?![0-9a-f]{2})/i.test(query)) return query;
  const kept: { key: string; value: string }[] = [];
  for (const pair of pairs) {
    if (pair === "" || pair.includes(";")) continue;
    const equals = pair.indexOf("=");
    const key = decode(equals === -1 ? pair : pair.slice(0, equals));
    const value = decode(equals === -1 ? "" : pair.slice(equals + 1));
    if (key !== undefined && value !== undefined) kept.push({ key, value });
  }
  // Sorting is stable: the values of one key keep their order.
  const sorted = kept.toSorted((one, other) => (one.key < other.key ? -1 : one.key > other.key ? 1 : 0));
  return sorted.map(({ key, value }) => `${encode(key)}=${encode(value)}`).join("&");
}

/** The octets of a key or value as latin1 characters; undefined for an invalid escape. */
function decode(text: string): string | undefined {
  if (/%(?![0-9a-f]{2})/i.test(text)) return undefined;
  return text
    .replaceAll("+", " ")
    .replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function encode(octets: string): string {
  return octets.replaceAll(/[^A-Za-z0-9\-_.~]/g, (octet) =>
    octet === " " ? "+" : `%${octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}
