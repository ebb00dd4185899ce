import type { FieldLines } from "@trailsum/shared";

import { S3Error, type S3ErrorCode } from "../s3-errors.ts";
import type { S3Query } from "../s3-query.ts";
import type { CredentialScope } from "./signing-key.ts";

/** What a request says of its signature. */
export interface SignatureFields extends CredentialScope {
  readonly accessKeyId: string;
  /** The time of the signature, as it was written: `20261130T100119Z`. */
  readonly time: string;
  readonly signedHeaders: readonly string[];
  /** 64 hex digits. */
  readonly signature: string;
  /** How many seconds it is valid; undefined for one in the header, which is valid as long as clocks may differ. */
  readonly expires: number | undefined;
}

const ALGORITHM = "AWS4-HMAC-SHA256";
/** A week. */
const MAX_EXPIRES = 604_800;

const CREDENTIAL = /^(.+)\/(\d{8})\/([\w-]{1,64})\/s3\/aws4_request$/;
const TIME = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;
const SIGNATURE = /^[0-9a-f]{64}$/;
const SIGNED_HEADERS = /^[\w.-]+(?:;[\w.-]+)*$/;

/** Reads the signature of a request from `Authorization` or from its query; undefined if it has none. */
export function signatureFields(header: FieldLines, query: S3Query): SignatureFields | undefined {
  const inQuery = query.has("X-Amz-Algorithm") || query.has("X-Amz-Signature");
  if (header.has("Authorization")) {
    if (inQuery) throw new S3Error("InvalidArgument", "Only one auth mechanism allowed");
    return fromHeader(header);
  }
  // Signature version 2.
  if (query.has("Signature") && query.has("AWSAccessKeyId")) throw unsupported();
  return inQuery ? fromQuery(query) : undefined;
}

function unsupported(): S3Error {
  return new S3Error(
    "InvalidRequest",
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
  );
}

function fromHeader(header: FieldLines): SignatureFields {
  const [value = "", ...others] = header.getAll("Authorization");
  const [, algorithm, rest = ""] = /^(\S+)\s+(.+)$/.exec(value) ?? [];
  if (algorithm !== ALGORITHM) throw unsupported();
  const malformed = "AuthorizationHeaderMalformed";
  if (others.length > 0) throw new S3Error(malformed);
  const parameters = new Map(
    rest.split(",").map((part) => {
      const [, name = "", given = ""] = /^\s*(\w+)=(.*?)\s*$/.exec(part) ?? [];
      return [name, given];
    }),
  );
  const time = header.get("x-amz-date") ?? dateInBasicFormat(header.get("Date"));
  if (time === undefined) {
    throw new S3Error("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header");
  }
  return read(
    {
      credential: parameters.get("Credential"),
      signedHeaders: parameters.get("SignedHeaders"),
      signature: parameters.get("Signature"),
      time,
    },
    malformed,
  );
}

function fromQuery(query: S3Query): SignatureFields {
  const malformed = "AuthorizationQueryParametersError";
  if (query.get("X-Amz-Algorithm") !== ALGORITHM) throw new S3Error(malformed);
  const expires = query.get("X-Amz-Expires") ?? "";
  if (!/^\d{1,6}$/.test(expires) || Number(expires) > MAX_EXPIRES || Number(expires) < 1) {
    throw new S3Error(malformed, "X-Amz-Expires must be between 1 second and a week");
  }
  const fields = read(
    {
      credential: query.get("X-Amz-Credential"),
      signedHeaders: query.get("X-Amz-SignedHeaders"),
      signature: query.get("X-Amz-Signature"),
      time: query.get("X-Amz-Date"),
    },
    malformed,
  );
  return { ...fields, expires: Number(expires) };
}

interface Written {
  readonly credential: string | undefined;
  readonly signedHeaders: string | undefined;
  readonly signature: string | undefined;
  readonly time: string | undefined;
}

function read(
  { credential = "", signedHeaders = "", signature = "", time = "" }: Written,
  malformed: S3ErrorCode,
): SignatureFields {
  const [, accessKeyId, day, region] = CREDENTIAL.exec(credential) ?? [];
  const names = signedHeaders.split(";");
  if (accessKeyId === undefined || day === undefined || region === undefined) throw new S3Error(malformed);
  if (!SIGNED_HEADERS.test(signedHeaders) || !names.includes("host")) throw new S3Error(malformed);
  if (!SIGNATURE.test(signature) || !TIME.test(time) || !time.startsWith(day)) throw new S3Error(malformed);
  return { accessKeyId, day, region, time, signedHeaders: names, signature, expires: undefined };
}

/** The date of a `Date` field as `x-amz-date` writes it. */
function dateInBasicFormat(date: string | undefined): string | undefined {
  const milliseconds = Date.parse(date ?? "");
  return Number.isNaN(milliseconds) ? undefined : basicFormat(new Date(milliseconds));
}

/** A time as `x-amz-date` writes it. */
export function basicFormat(time: Date): string {
  return `${time.toISOString().replaceAll(/[-:]/g, "").slice(0, 15)}Z`;
}

/** The time of a signature, in milliseconds since the epoch. */
export function timeOf({ time }: Pick<SignatureFields, "time">): number {
  const [, year, month, day, hour, minute, second] = (TIME.exec(time) ?? []).map(Number);
  return Date.UTC(year ?? 0, (month ?? 0) - 1, day, hour, minute, second);
}
