import { type FieldLine, TrailsumError } from "@trailsum/shared";

import type { RequestHead } from "./request-head.ts";

/** A field, or a family of fields, that changes what a write means. */
interface UnsupportedField {
  /** Matches the name in lower case. */
  readonly name: RegExp;
  /** Matches, in lower case, the values that ask for nothing that is not done anyway. None by default. */
  readonly harmless?: RegExp;
  /** The status to answer with. 400 by default. */
  readonly status?: number;
  /** What to do instead. */
  readonly advice: string;
}

const PLAIN_BYTES = "send the complete content, with no transfer coding other than chunked";

/**
 * What a client may ask for on a write that is not supported. To ignore one of these would store something other than
 * what was meant: a part as the whole, a coding as the content, a command as an object.
 */
const FIELDS: readonly UnsupportedField[] = [
  // RFC 9112 section 6.1. HTTP/2 has no such field.
  { name: /^transfer-encoding$/, harmless: /^chunked$/, status: 501, advice: PLAIN_BYTES },
  // Codings are kept with the object. But aws-chunked is what the AWS SDKs put around the content that they checksum.
  {
    name: /^content-encoding$/,
    harmless: /^(?!.*\baws-chunked\b)[!#$%&'*+.^`|~\w, \t-]*$/,
    status: 415,
    advice: PLAIN_BYTES,
  },
  { name: /^content-transfer-encoding$/, harmless: /^(?:7bit|8bit|binary)$/, status: 415, advice: PLAIN_BYTES },
  { name: /^content-type$/, harmless: /^(?!multipart\/(?:form-data|byteranges)\b)/, status: 415, advice: PLAIN_BYTES },
  // Parts: resumable uploads (draft-ietf-httpbis-resumable-upload), tus, Google's, ownCloud's, S3 Express, SabreDAV.
  { name: /^(?:upload|tus)-/, advice: "resumable uploads are not supported: send the whole content in one request" },
  { name: /^x-(?:goog-)?upload-|^x-goog-resumable$/, advice: PLAIN_BYTES },
  { name: /^oc-chunked$|^x-update-range$|^range$/, advice: PLAIN_BYTES },
  // Another method than the one in the request line.
  {
    name: /^x-http-method(?:-override)?$|^x-method-override$/,
    advice: "send the request with the method that is meant",
  },
  // WebDAV and CalDAV: preconditions that are not evaluated, and locks.
  {
    name: /^if$|^if-(?!match$|none-match$|modified-since$|unmodified-since$|range$)|^lock-token$/,
    advice: "use If-Match, If-None-Match or If-Unmodified-Since",
  },
  // Commands of object stores, such as a copy instead of content. Fields that sign or checksum the content are allowed.
  { name: /^x-amz-content-sha256$/, harmless: /^(?!streaming-)/, advice: PLAIN_BYTES },
  {
    name: /^x-amz-(?!content-sha256$|date$|security-token$|user-agent$|checksum-|sdk-|cf-)/,
    advice: "this is not an S3 server: send a plain PUT",
  },
  { name: /^x-ms-blob-type$/, harmless: /^blockblob$/, advice: PLAIN_BYTES },
  {
    name: /^x-(?:goog|ms)-copy-source|^x-copy-from|^x-ms-(?:range|write|page-write|lease-id)$|^x-goog-if-/,
    advice: "this is not an object store: send a plain PUT",
  },
];

/**
 * Refuses a write that asks for something that is not supported: 501 for a transfer coding, 415 for a wrapper of
 * the content, 400 for a query and for everything else.
 */
export function refuseUnsupported({ target, header }: RequestHead): void {
  if (target.includes("?")) {
    throw new TrailsumError("NOT_SUPPORTED", "a write with a query is not supported: remove the ? and what follows it");
  }
  // All lines of a name say one thing together: two codings are more than one harmless one.
  const names = new Set([...header].map(([name]) => name.toLowerCase()));
  for (const name of names) refuseField([name, header.get(name) ?? ""]);
}

function refuseField([name, value]: FieldLine): void {
  for (const { name: pattern, harmless, status, advice } of FIELDS) {
    if (!pattern.test(name) || harmless?.test(value.toLowerCase()) === true) continue;
    const what = harmless === undefined || value === "" ? name : `${name}: ${value}`;
    throw new TrailsumError(
      "NOT_SUPPORTED",
      `${JSON.stringify(what)} is not supported on a write: ${advice}`,
      status === undefined ? {} : { status },
    );
  }
}
