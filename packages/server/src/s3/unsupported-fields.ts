import { S3Error } from "@trailsum/s3";

import type { RequestHead } from "../request/request-head.ts";

/** The `x-amz-` fields that are read, or that say nothing about what is to be done. */
const READ =
  /^x-amz-(?:content-sha256|date|user-agent|trailer|decoded-content-length|expected-bucket-owner|request-payer|id-2|checksum-.*|sdk-.*|meta-.*|copy-source.*|metadata-directive|mp-object-size|security-token)$/;

/** Values that ask for nothing that is not done anyway. */
const HARMLESS: ReadonlyMap<string, RegExp> = new Map([
  ["x-amz-acl", /^(?:private|bucket-owner-full-control)$/],
  ["x-amz-storage-class", /^STANDARD$/],
  ["x-amz-object-ownership", /^BucketOwnerEnforced$/],
  ["x-amz-bucket-object-lock-enabled", /^false$/i],
  ["x-amz-tagging-directive", /^COPY$/],
]);

/** Refuses a write with a field that asks for something that is not done here. Throws `NotImplemented`. */
export function refuseUnsupportedFields({ header }: Pick<RequestHead, "header">): void {
  for (const [name, value] of header) {
    const key = name.toLowerCase();
    if (!key.startsWith("x-amz-") || READ.test(key) || HARMLESS.get(key)?.test(value) === true) continue;
    throw new S3Error("NotImplemented", `The header ${JSON.stringify(key)} is not implemented here.`);
  }
}
