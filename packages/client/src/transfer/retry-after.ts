import type { FieldLines } from "@trailsum/shared";

/**
 * After how many milliseconds a server asks to be tried again: `Retry-After` as a number of seconds, or as a date, which
 * is compared with the server's own `Date` (RFC 9110 section 10.2.3). Undefined where it does not ask, or not clearly.
 */
export function retryAfter(headers: FieldLines): number | undefined {
  const value = headers.get("Retry-After");
  if (value === undefined) return undefined;
  if (/^\d{1,10}$/.test(value)) return Number(value) * 1_000;
  const at = httpDate(value);
  const now = httpDate(headers.get("Date") ?? "") ?? Date.now();
  return at === undefined ? undefined : Math.max(0, at - now);
}

/** RFC 9110 section 5.6.7: the one format that is written, and two old ones. All of them begin with the day's name. */
function httpDate(text: string): number | undefined {
  if (!/^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text)) return undefined;
  const time = Date.parse(text.endsWith("GMT") ? text : `${text} GMT`);
  return Number.isNaN(time) ? undefined : time;
}
