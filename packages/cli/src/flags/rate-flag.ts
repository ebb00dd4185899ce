import { TrailsumError } from "@trailsum/shared";

/** `--limit-rate`. */
export const rateFlag = {
  type: "string",
  describe: "transfer at most this many bytes per second, all jobs together: 500k, 2m, 1g",
} as const;

const UNITS: Readonly<Record<string, number>> = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Its value in bytes per second; undefined without one. Throws `USAGE` unless it is a positive number. */
export function bytesPerSecond(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?)([kmg]?)$/i.exec(text) ?? [];
  const rate = Number(number || Number.NaN) * UNITS[unit.toLowerCase()]!;
  if (rate >= 1) return rate;
  throw new TrailsumError("USAGE", "--limit-rate takes bytes per second, such as 500k, 2m or 1g (k is 1024)");
}
