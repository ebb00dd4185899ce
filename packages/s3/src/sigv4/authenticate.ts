import type { FieldLines } from "@trailsum/shared";

import { S3Error } from "../s3-errors.ts";
import type { S3Query } from "../s3-query.ts";
import { canonicalRequest, sha256Hex } from "./canonical-request.ts";
import { type SignatureFields, signatureFields, timeOf } from "./signature-fields.ts";
import { sameSignature, Signer } from "./signing-key.ts";

/** An access key and its secret. */
export interface S3Credentials {
  /** The public name of the key. */
  readonly accessKeyId: string;
  /** What requests are signed with. It is never logged or sent. */
  readonly secretAccessKey: string;
}

/** A request whose signature is to be checked. */
export interface RequestToAuthenticate {
  /** The method. */
  readonly method: string;
  /** The path as received. */
  readonly path: string;
  /** The parameters of the query. */
  readonly query: S3Query;
  /** The header section. */
  readonly header: FieldLines;
  /** The host, as received. */
  readonly host: string | undefined;
}

/** A signature that holds. */
export interface Authenticated {
  /** The access key of the client. */
  readonly accessKeyId: string;
  /** The region that it is for. */
  readonly region: string;
  /** Signs what follows in the content. */
  readonly signer: Signer;
  /** The signature of the request: the chunks of the content continue from it. */
  readonly signature: string;
  /** The payload hash of the signature: the value of `x-amz-content-sha256`, or its replacement. */
  readonly payload: string;
}

/** How far clocks may differ. Milliseconds. */
const MAX_SKEW = 15 * 60 * 1000;

/**
 * Checks the signature of a request (SigV4, in the header or in the query). Returns undefined for a request without one;
 * throws for one that does not hold.
 */
export function authenticate(
  request: RequestToAuthenticate,
  credentials: readonly S3Credentials[],
  now: number = Date.now(),
): Authenticated | undefined {
  const { method, path, query, header, host = "" } = request;
  const fields = signatureFields(header, query);
  if (fields === undefined) return undefined;
  checkTime(fields, now);
  checkSignedHeaders(fields, header);
  const known = credentials.find(({ accessKeyId }) => accessKeyId === fields.accessKeyId);
  if (known === undefined) throw new S3Error("InvalidAccessKeyId");
  const payload = payloadOf(fields, request);
  const signed = query.pairs.filter(([name]) => name !== "X-Amz-Signature");
  const canonical = canonicalRequest({
    method,
    path,
    query: signed,
    header,
    host,
    signedHeaders: fields.signedHeaders,
    payload,
  });
  const signer = new Signer(known.secretAccessKey, fields.time, fields);
  const { signature } = fields;
  if (!sameSignature(signer.sign("", [sha256Hex(canonical)]), signature)) throw new S3Error("SignatureDoesNotMatch");
  return { accessKeyId: known.accessKeyId, region: fields.region, signer, signature, payload };
}

function checkTime(fields: SignatureFields, now: number): void {
  const age = now - timeOf(fields);
  // What is not a date compares with nothing.
  if (!(age > -MAX_SKEW)) throw new S3Error("RequestTimeTooSkewed");
  if (fields.expires === undefined && !(age < MAX_SKEW)) throw new S3Error("RequestTimeTooSkewed");
  if (fields.expires !== undefined && !(age < fields.expires * 1000)) {
    throw new S3Error("AccessDenied", "Request has expired");
  }
}

/** A field that is not signed could have been added on the way, and changes what the request means. */
function checkSignedHeaders({ signedHeaders }: SignatureFields, header: FieldLines): void {
  for (const [name] of header) {
    const key = name.toLowerCase();
    if (!key.startsWith("x-amz-") || signedHeaders.includes(key)) continue;
    throw new S3Error("AccessDenied", "There were headers present in the request which were not signed");
  }
}

function payloadOf({ expires }: SignatureFields, { header, query }: RequestToAuthenticate): string {
  const value = header.get("x-amz-content-sha256");
  if (value !== undefined) return value;
  if (expires !== undefined) return query.get("X-Amz-Content-Sha256") ?? "UNSIGNED-PAYLOAD";
  throw new S3Error("InvalidRequest", "Missing required header for this request: x-amz-content-sha256");
}
