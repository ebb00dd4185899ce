import { TrailsumError } from "@trailsum/shared";

/** An append that does not begin where the content ends (draft-ietf-httpbis-resumable-upload section 4.4.2). */
export function mismatchingOffset(expected: number, provided: number): TrailsumError {
  return new TrailsumError("MISMATCHING_OFFSET", `the upload has ${expected} bytes: continue from there`, {
    extensions: { "expected-offset": expected, "provided-offset": provided },
  });
}

/** Lengths that contradict each other (section 4.1.3). */
export function inconsistentLength(why: string): TrailsumError {
  return new TrailsumError("INCONSISTENT_LENGTH", why);
}

/** A request to change an upload that has been completed (section 4.4.2). */
export function completedUpload(): TrailsumError {
  return new TrailsumError("COMPLETED_UPLOAD", "the upload is complete: nothing can be appended to it");
}

/** An upload that does not exist, or not any more. */
export function noSuchUpload(): TrailsumError {
  return new TrailsumError("NOT_FOUND", "no such upload: it was cancelled, has expired, or never existed");
}
