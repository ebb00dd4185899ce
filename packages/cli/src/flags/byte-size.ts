import { TrailsumError } from "@trailsum/shared";

const UNITS: Readonly<Record<string, number>> = { "": 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };

/** Reads `500`, `500M`, `2G`, `2GiB`: bytes, by powers of 1024. Throws `USAGE` for anything else. */
export function parseByteSize(text: string): number {
  const [, digits = "", unit = ""] = /^(\d+)\s*([KMGT]?)(?:i?B)?$/i.exec(text) ?? [];
  const size = digits === "" ? Number.NaN : Number(digits) * (UNITS[unit.toUpperCase()] ?? Number.NaN);
  if (Number.isSafeInteger(size)) return size;
  throw new TrailsumError("USAGE", `"${text}" is not a valid size: write bytes, or a size such as 500M or 2G`);
}
