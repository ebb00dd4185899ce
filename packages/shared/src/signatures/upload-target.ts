import { serializeItem } from "structured-headers";

import { TrailsumError } from "../errors.ts";
import type { FieldLine } from "../field-lines.ts";

/**
 * The field of the request that completes an upload resource, and names what it completes. That request has neither the target
 * nor the content type of the upload, so a signature of it says nothing of them unless it covers this field.
 */
export const uploadTargetField = "Upload-Target";

/** What an upload resource is to become when it is completed. */
export interface UploadTarget {
  /** The path and the query of the request that created the upload resource, as they are on the wire. */
  readonly target: string;
  /** The `Content-Type` of that request; undefined where it has none. */
  readonly contentType?: string | undefined;
}

/**
 * The line of `Upload-Target`: a string with the parameter `type` (RFC 9651 section 3.3.3). Throws `NOT_SUPPORTED` for what
 * has characters that such a string cannot have.
 */
export function formatUploadTarget({ target, contentType }: UploadTarget): FieldLine {
  try {
    const parameters = new Map(contentType === undefined ? [] : [["type", contentType]]);
    return [uploadTargetField, serializeItem([target, parameters])];
  } catch (cause) {
    throw new TrailsumError(
      "NOT_SUPPORTED",
      "the target or the content type of a signed upload in two requests has characters outside ASCII",
      { cause },
    );
  }
}
