import type { UploadHandlerOptions } from "@trailsum/server";
import { TrailsumError } from "@trailsum/shared";

import { parseByteSize } from "./byte-size.ts";
import type { Flags } from "./flag.ts";

/** What the flags for unfinished uploads hold once they are parsed. */
export interface UploadLimitArguments {
  readonly uploadExpiry: number;
  readonly maxUploads: number;
  readonly maxUploadBytes?: string | undefined;
  readonly quota?: string | undefined;
}

/** The flags that bound what is stored, and uploads that are not complete. */
export const uploadLimitFlags: Flags = {
  quota: {
    type: "string",
    describe: "most bytes stored, unfinished uploads included, such as 500G; what is over it is refused (507)",
  },
  "upload-expiry": {
    type: "number",
    default: 86_400,
    describe: "how long an unfinished upload is kept after its last request (seconds)",
  },
  "max-uploads": {
    type: "number",
    default: 1_000,
    describe: "most unfinished uploads; one client may have a quarter of them",
  },
  "max-upload-bytes": {
    type: "string",
    describe: "most bytes of all unfinished uploads, such as 20G (default: nine tenths of the free space)",
  },
};

/** The options for these flags. Throws `USAGE` for values that cannot be used. */
export function uploadLimits(
  given: UploadLimitArguments,
): Pick<UploadHandlerOptions, "uploadExpiry" | "maxUploads" | "maxUploadBytes" | "quota"> {
  return {
    uploadExpiry: positive("upload-expiry", given.uploadExpiry) * 1_000,
    maxUploads: positive("max-uploads", given.maxUploads),
    maxUploadBytes: given.maxUploadBytes === undefined ? undefined : parseByteSize(given.maxUploadBytes),
    quota: given.quota === undefined ? undefined : parseByteSize(given.quota),
  };
}

function positive(flag: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new TrailsumError("USAGE", `--${flag} takes a whole number of 1 or more`);
}
