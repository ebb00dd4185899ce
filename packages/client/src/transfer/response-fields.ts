import { type FieldLine, FieldLines } from "@trailsum/shared";

/** The field lines of a section that undici gave as an object: an array means several lines. */
export function responseFields(object: Readonly<Record<string, string | string[] | undefined>>): FieldLines {
  return FieldLines.from(
    Object.entries(object).flatMap(([name, value]): FieldLine[] => {
      if (value === undefined) return [];
      return Array.isArray(value) ? value.map((one): FieldLine => [name, one]) : [[name, value]];
    }),
  );
}
