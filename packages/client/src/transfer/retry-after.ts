import { type FieldLines, parseHttpDate } from "@trailsum/shared";

/**
 * The delay in milliseconds that `Retry-After` asks for, in seconds or as a date, which is compared with the server's own
 * `Date` (RFC 9110 section 10.2.3). Undefined if the field is absent or malformed.
 */
export function retryAfter(headers: FieldLines): number | undefined {
  const value = headers.get("Retry-After");
  if (value === undefined) return undefined;
  if (/^\d{1,10}$/.test(value)) return Number(value) * 1_000;
  const at = parseHttpDate(value);
  const now = parseHttpDate(headers.get("Date") ?? "") ?? new Date();
  return at && Math.max(0, at.getTime() - now.getTime());
}
