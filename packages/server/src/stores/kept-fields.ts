import { type FieldLine, TrailsumError } from "@trailsum/shared";

/** The most bytes of the fields that are kept with an object, as in a header section. */
const MAX_FIELDS = 8 * 1024;

/** Checks the size of the fields to keep with an object. Throws `TOO_LARGE`. */
export function checkKeptFields(fields: readonly FieldLine[]): void {
  const size = fields.reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value) + 4, 0);
  if (size <= MAX_FIELDS) return;
  throw new TrailsumError("TOO_LARGE", `the fields that describe the content have more than ${MAX_FIELDS} bytes`, {
    status: 431,
  });
}
