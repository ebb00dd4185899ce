import { S3Error } from "@trailsum/s3";

/** The id of the only version of an object: buckets without versioning call it that. */
export const ONLY_VERSION = "null";

/** Refuses a request for any other version. */
export function checkVersion(id: string | undefined): void {
  if (id !== undefined && id !== ONLY_VERSION) throw new S3Error("InvalidArgument", "Invalid version id specified");
}
