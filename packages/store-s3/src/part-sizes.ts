import { TrailsumError } from "@trailsum/shared";

/** S3's limit of the number of parts. */
const MAX_PARTS = 10_000;
/** After so many parts the next ones are larger, where it is not known how many there will be. */
const STEP = 1_000;

/** How many bytes the part of a number, from 1, has. */
export type PartSizes = (number: number) => number;

/**
 * The sizes of the parts of an upload. S3 takes 10,000 parts: where the size of the whole is known, all parts are as large as
 * that needs; where it is not, they grow up to ten times `partSize`, for 55,000 times `partSize` in all.
 */
export function partSizes(partSize: number, size?: number): PartSizes {
  const even = Math.max(partSize, Math.ceil((size ?? 0) / MAX_PARTS));
  return (number) => {
    if (number > MAX_PARTS) {
      throw new TrailsumError(
        "TOO_LARGE",
        "the content has more parts than the object storage takes: set a larger part size",
      );
    }
    return size === undefined ? partSize * (1 + Math.floor((number - 1) / STEP)) : even;
  };
}
