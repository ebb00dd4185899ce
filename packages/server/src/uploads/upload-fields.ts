import { type FieldLine, type FieldLines, TrailsumError } from "@trailsum/shared";

import type { VerificationPolicy } from "../verify-request.ts";
import { tusOptions } from "./tus-fields.ts";
import type { Upload } from "./upload.ts";
import type { Uploads } from "./uploads.ts";

/** The version of draft-ietf-httpbis-resumable-upload that is spoken. */
export const INTEROP_VERSION = "8";

/** The names of the fields of upload resources, of requests and of responses. */
export const uploadFieldNames = {
  /** draft-ietf-httpbis-resumable-upload section 5, and what a signature of the last request covers. */
  ietf: [
    "Upload-Draft-Interop-Version",
    "Upload-Complete",
    "Upload-Offset",
    "Upload-Length",
    "Upload-Limit",
    "Upload-Target",
  ],
  /** tus 1.0. */
  tus: [
    "Tus-Resumable",
    "Tus-Version",
    "Tus-Extension",
    "Tus-Max-Size",
    "Tus-Checksum-Algorithm",
    "Upload-Offset",
    "Upload-Length",
    "Upload-Defer-Length",
    "Upload-Metadata",
    "Upload-Checksum",
    "Upload-Expires",
  ],
} as const;

/** An item of a field (RFC 9651 section 3.3), without its parameters. Throws `PROTOCOL` for one that came twice. */
function item(header: FieldLines, name: string): string | undefined {
  const [value, ...others] = header.getAll(name);
  if (others.length > 0) throw new TrailsumError("PROTOCOL", `the request has more than one ${name}: send one`);
  return value?.split(";", 1)[0]!.trim();
}

/** A field that is a boolean, such as `Upload-Complete`: `?1` or `?0` (RFC 9651 section 3.3.6). */
export function booleanField(header: FieldLines, name: string): boolean | undefined {
  const value = item(header, name);
  if (value === undefined) return undefined;
  if (value === "?1" || value === "?0") return value === "?1";
  throw new TrailsumError("PROTOCOL", `${JSON.stringify(value)} is not a valid ${name}: write ?1 or ?0`);
}

/** A field that is a number of bytes, such as `Upload-Offset`. */
export function sizeField(header: FieldLines, name: string): number | undefined {
  const value = item(header, name);
  if (value === undefined) return undefined;
  if (/^\d{1,15}$/.test(value)) return Number(value);
  throw new TrailsumError("PROTOCOL", `${JSON.stringify(value)} is not a valid ${name}: write a number of bytes`);
}

/** What a client has to know before it sends (draft section 5.4): `Upload-Limit`. */
export function uploadLimit({ maxSize }: VerificationPolicy, expiry: number): FieldLine {
  const size = maxSize === undefined ? "min-size=0" : `max-size=${maxSize}`;
  return ["Upload-Limit", `${size}, max-age=${Math.max(0, Math.floor(expiry / 1000))}`];
}

/** The limit of one upload: the time that it has left. */
export function limitOf(upload: Upload, policy: VerificationPolicy): FieldLine {
  return uploadLimit(policy, upload.record.expires - Date.now());
}

/** What OPTIONS says of upload resources, at any target (draft section 4.1.4, tus section OPTIONS). */
export function uploadOptions(uploads: Uploads, policy: VerificationPolicy): FieldLine[] {
  return [
    ["Upload-Draft-Interop-Version", INTEROP_VERSION],
    uploadLimit(policy, uploads.expiry),
    ...tusOptions(policy),
  ];
}

/** How far an upload has come. */
export function progressFields(upload: Upload): FieldLine[] {
  return [
    ["Upload-Draft-Interop-Version", INTEROP_VERSION],
    ["Upload-Offset", String(upload.offset)],
    ["Upload-Complete", upload.published ? "?1" : "?0"],
  ];
}
