import { type FieldLine, FieldLines } from "@trailsum/shared";

import type { S3Credentials } from "./authenticate.ts";
import { canonicalRequest, sha256Hex } from "./canonical-request.ts";
import { basicFormat } from "./signature-fields.ts";
import { Signer } from "./signing-key.ts";

/** A request to sign. */
export interface RequestToSign {
  /** The request method. */
  readonly method: string;
  /** The path as it will be sent. */
  readonly path: string;
  /** The names and values of the query, decoded. */
  readonly query: readonly (readonly [name: string, value: string])[];
  /** The header without a signature. */
  readonly header: FieldLines;
  /** The `Host` that it will be sent with. */
  readonly host: string;
  /** The value of `x-amz-content-sha256`: the digest of the content, or its replacement. */
  readonly payload: string;
}

/** The fields that a signature is made of: those of a request are replaced by them. */
const OWN = ["Authorization", "x-amz-date", "x-amz-content-sha256"];
/** What is covered beside all `x-amz-` fields. */
const COVERED: ReadonlySet<string> = new Set(["content-md5", "content-type"]);

/**
 * Signs a request by SigV4 in the header: the method, the path, the query, the host, the type and the md5 of the content and all
 * `x-amz-` fields. Returns the header with the signature.
 */
export function signRequest(
  { header, payload, ...request }: RequestToSign,
  { accessKeyId, secretAccessKey }: S3Credentials,
  { region, now = new Date() }: { readonly region: string; readonly now?: Date },
): FieldLines {
  const time = basicFormat(now);
  const day = time.slice(0, 8);
  const own: FieldLine[] = [
    ["x-amz-date", time],
    ["x-amz-content-sha256", payload],
  ];
  const others = header.without((name) => OWN.some((other) => other.toLowerCase() === name.toLowerCase()));
  const signed = FieldLines.from([...others, ...own]);
  const names = new Set(["host", ...[...signed].map(([name]) => name.toLowerCase()).filter(isCovered)]);
  const signedHeaders = [...names].toSorted();
  const canonical = canonicalRequest({ ...request, header: signed, signedHeaders, payload });
  const signature = new Signer(secretAccessKey, time, { day, region }).sign("", [sha256Hex(canonical)]);
  const credential = `${accessKeyId}/${day}/${region}/s3/aws4_request`;
  return signed.with(
    "Authorization",
    `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${signedHeaders.join(";")}, Signature=${signature}`,
  );
}

function isCovered(name: string): boolean {
  return name.startsWith("x-amz-") || COVERED.has(name);
}
