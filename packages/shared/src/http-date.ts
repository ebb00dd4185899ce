const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const TIME = "(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)";
const MONTH = `(?<month>${MONTHS.join("|")})`;

/** The three forms of RFC 9110 section 5.6.7: IMF-fixdate, that of RFC 850, and that of asctime(). */
const FORMS = [
  new RegExp(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME} GMT$`),
  new RegExp(`^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?<day>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${TIME} GMT$`),
  new RegExp(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ${MONTH} (?<day>\\d\\d| \\d) ${TIME} (?<year>\\d{4})$`),
];

/**
 * Reads an HTTP-date (RFC 9110 section 5.6.7), in any of its three forms. Returns undefined for anything else, including
 * days that do not exist. `now` decides the century of a two-digit year: the latest that is at most 50 years ahead.
 */
export function parseHttpDate(text: string, now: Date = new Date()): Date | undefined {
  for (const form of FORMS) {
    const parts = form.exec(text)?.groups;
    if (parts !== undefined) return dateOf(parts, now);
  }
  return undefined;
}

function dateOf(parts: Readonly<Record<string, string | undefined>>, now: Date): Date | undefined {
  const number = (name: string): number => Number(parts[name]);
  const [day, hour, minute, second] = [number("day"), number("hour"), number("minute"), number("second")];
  // 60 is a leap second, which falls on the next minute here.
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const month = MONTHS.indexOf(parts["month"] ?? "");
  const year = parts["year"]?.length === 2 ? fullYear(number("year"), now) : number("year");
  const date = new Date(0);
  date.setUTCFullYear(year, month, day);
  if (date.getUTCDate() !== day) return undefined;
  date.setUTCHours(hour, minute, second);
  return date;
}

function fullYear(twoDigits: number, now: Date): number {
  const latest = now.getUTCFullYear() + 50;
  return latest - ((((latest - twoDigits) % 100) + 100) % 100);
}
